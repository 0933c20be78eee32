/** One arbitrary and one fixed sample for every message family: the properties and the golden vectors are made from them. */
import fc from 'fast-check';
import { STAMP_UNIX_MS_MAX } from '../../src/base/stamp.ts';
import type { Codec } from '../../src/wire/codec.ts';
import {
  CLOSE_REASONS,
  type ClientMessage,
  CONNECTION_MESSAGE_BYTES_MAX,
  clientCodec,
  HOST_KEY_TRUSTS,
  type WorkerMessage,
  workerCodec,
} from '../../src/wire/connection-message.ts';
import { CREDENTIAL_STATES, type CredentialEdition, credentialEditionSeal } from '../../src/wire/credential.ts';
import { drainCommandSeal } from '../../src/wire/drain-command.ts';
import {
  type Grant,
  type GrantConditions,
  grantConditionsCodec,
  grantSeal,
  WEEK_MINUTES,
} from '../../src/wire/grant.ts';
import { jobNoticeCodec, jobRequestSeal } from '../../src/wire/job.ts';
import { LIMIT_OFFER_MS_MAX, type Limit, limitSeal } from '../../src/wire/limit.ts';
import { MEMBER_STATES, type MemberRecord, memberRecordSeal } from '../../src/wire/member-record.ts';
import {
  CLAIM_ANSWERS,
  type Direct,
  directCodec,
  type Gossip,
  gossipCodec,
  HOLDINGS,
  type JobNews,
  jobNewsSeal,
} from '../../src/wire/mesh-message.ts';
import { type Policy, policySeal } from '../../src/wire/policy.ts';
import { type LoadSample, type Pulse, pulseSeal } from '../../src/wire/pulse.ts';
import { RECORD_TYPES, type TargetRecord, targetRecordSeal } from '../../src/wire/record.ts';
import { successionSeal } from '../../src/wire/succession.ts';
import { type Suspicion, suspicionSeal } from '../../src/wire/suspicion.ts';
import { DESK_FAMILIES } from './desk-samples.ts';
import {
  bytes,
  count,
  failure,
  hex,
  id,
  jobId,
  label,
  name,
  nonce,
  orNull,
  ownOrderSamples,
  positive,
  stamp,
  succession,
  unixMs,
} from './field-samples.ts';
import { jobNewsSamples, jobNotice, jobRequest } from './job-samples.ts';

/** A family of messages: how it is written, and any value of it. */
export interface Family<T> {
  readonly name: string;
  readonly codec: Codec<T>;
  readonly bytesMax: number;
  readonly any: fc.Arbitrary<T>;
}
const seat = fc.record({
  limitVersion: positive,
  maxInstances: fc.integer({ min: 1, max: 10_000 }),
  grantedAt: stamp,
  handedOverBy: orNull(id),
});
const memberRecord: fc.Arbitrary<MemberRecord> = fc.record({
  instanceId: id,
  startId: hex(32),
  incarnation: positive,
  sequence: positive,
  issuedAt: stamp,
  startedAt: stamp,
  state: fc.constantFrom(...MEMBER_STATES),
  joinedAt: stamp,
  seat: orNull(seat),
  successor: orNull(id),
  replaces: orNull(name),
  claim: count,
  name,
  version: name,
  platform: name,
  capabilities: fc.array(name, { maxLength: 4 }),
  labels: fc.array(label, { maxLength: 4 }),
  meshAddresses: fc.array(name, { maxLength: 4 }),
  accessAddresses: fc.array(name, { maxLength: 4 }),
});
const loadSample: fc.Arbitrary<LoadSample> = fc.record({
  number: count,
  reservedKib: fc.integer({ min: 0, max: 2 ** 33 }),
  budgetKib: fc.integer({ min: 1, max: 2 ** 33 }),
  busyPerMille: fc.integer({ min: 0, max: 1000 }),
  sessions: fc.array(fc.record({ kind: name, count: nonce }), { maxLength: 4 }),
});

const pulse: fc.Arbitrary<Pulse> = fc.record({
  instanceId: id,
  incarnation: count,
  sequence: count,
  recordSequence: count,
  newsNumber: count,
  load: loadSample,
  held: fc.record({
    ...{ limitVersion: count, limitDigest: hex(16), recordsDigest: hex(16), admissionDigest: hex(16) },
    ...{ credentialsDigest: hex(16), policyVersion: orNull(count), policyDigest: orNull(hex(16)) },
  }),
});

const limit: fc.Arbitrary<Limit> = fc.record({
  gatewayUid: name,
  maxInstances: fc.integer({ min: 1, max: 10_000 }),
  version: positive,
  issuedUnixMs: unixMs,
  expiresUnixMs: orNull(unixMs),
  offerMs: orNull(fc.integer({ min: 0, max: LIMIT_OFFER_MS_MAX })),
});

const policy: fc.Arbitrary<Policy> = fc.record({
  gatewayUid: name,
  version: positive,
  issuedUnixMs: unixMs,
  adminKeys: fc.array(id, { maxLength: 4 }),
  threshold: fc.integer({ min: 1, max: 16 }),
  limitVersion: count,
  revocations: fc.array(fc.record({ subject: name, revokedUnixMs: unixMs, untilUnixMs: orNull(unixMs) }), {
    maxLength: 4,
  }),
  evictions: fc.array(fc.record({ instanceId: id, evictedUnixMs: unixMs }), { maxLength: 4 }),
});

const suspicion: fc.Arbitrary<Suspicion> = fc.record({
  accuser: id,
  accused: id,
  incarnation: count,
  recordSequence: count,
  pulseSequence: count,
});

const minute = fc.integer({ min: 0, max: WEEK_MINUTES });
const grantConditions: fc.Arbitrary<GrantConditions> = fc.record({
  notBeforeUnixMs: orNull(unixMs),
  hours: orNull(
    fc.record({
      zone: name,
      offsets: fc.array(fc.record({ fromUnixMs: unixMs, westToEastMinutes: fc.integer({ min: -1440, max: 1440 }) }), {
        maxLength: 4,
      }),
      windows: fc.array(fc.record({ fromMinute: minute, toMinute: minute }), { maxLength: 4 }),
    }),
  ),
  sources: fc.array(name, { maxLength: 4 }),
  recordingRequired: fc.boolean(),
  sessionMsMax: orNull(fc.integer({ min: 1, max: STAMP_UNIX_MS_MAX })),
  clipboardForbidden: fc.boolean(),
  fileTransferForbidden: fc.boolean(),
  reasonRequired: fc.boolean(),
});

const grant: fc.Arbitrary<Grant> = fc.record({
  gatewayUid: name,
  grantId: name,
  name,
  userKey: id,
  allow: fc.array(fc.record({ kind: name, record: name }), { maxLength: 4 }),
  issuedUnixMs: unixMs,
  expiresUnixMs: orNull(unixMs),
  conditions: orNull(grantConditions),
});

const targetRecord: fc.Arbitrary<TargetRecord> = fc.record({
  gatewayUid: name,
  recordId: hex(22),
  revision: positive,
  deleted: fc.boolean(),
  type: fc.constantFrom(...RECORD_TYPES),
  title: name,
  host: name,
  port: fc.integer({ min: 1, max: 65_535 }),
  protocol: name,
  user: orNull(name),
  labels: fc.array(label, { maxLength: 4 }),
  changedUnixMs: unixMs,
  parentId: orNull(hex(22)),
});

const edition: fc.Arbitrary<CredentialEdition> = fc.record({
  gatewayUid: name,
  recordId: hex(22),
  editionId: hex(22),
  number: positive,
  horizon: count,
  replaced: fc.array(fc.record({ editionId: hex(22), number: count }), { maxLength: 4 }),
  entries: fc.array(
    fc.record({
      versionId: hex(22),
      state: fc.constantFrom(...CREDENTIAL_STATES),
      box: bytes,
      changedUnixMs: unixMs,
      jobId: orNull(jobId),
    }),
    { maxLength: 4 },
  ),
  changedUnixMs: unixMs,
});

const jobNews: fc.Arbitrary<JobNews> = fc.record({ teller: id, notices: fc.array(jobNotice, { maxLength: 3 }) });
const traceStep = fc.record({ atUnixMs: unixMs, instanceId: id, what: name, detail: name });
const recordVersion = fc.record({ instanceId: id, incarnation: count, sequence: count, digest: hex(16) });

const gossip: fc.Arbitrary<Gossip> = fc.record({
  kind: fc.constantFrom('member-record', 'pulse', 'suspicion', 'limit', 'record', 'jobs', 'credential', 'policy'),
  sealed: bytes,
});

/** The fields of each kind of direct message; the compiler insists on all of them. */
const directFields: { readonly [K in Direct['kind']]: fc.Arbitrary<Omit<Extract<Direct, { kind: K }>, 'kind'>> } = {
  hello: fc.record({
    gatewayUid: name,
    wallUnixMs: unixMs,
    clock: stamp,
    established: fc.boolean(),
    known: fc.boolean(),
    record: bytes,
    limit: bytes,
  }),
  'clock-refused': fc.record({ aheadMs: count, aheadMsMax: count }),
  'member-record': fc.record({ sealed: bytes }),
  limit: fc.record({ sealed: bytes }),
  suspicion: fc.record({ sealed: bytes }),
  sync: fc.record({ have: fc.array(recordVersion, { maxLength: 5 }) }),
  'sync-records': fc.record({ records: fc.array(bytes, { maxLength: 4 }), want: fc.array(id, { maxLength: 4 }) }),
  pulse: fc.record({ sealed: bytes }),
  policies: fc.record({ sealed: fc.array(bytes, { maxLength: 4 }) }),
  probe: fc.record({ nonce }),
  'probe-ack': fc.record({ nonce }),
  'probe-request': fc.record({ nonce, target: id }),
  claim: fc.record({
    number: count,
    record: bytes,
    limitVersion: count,
    limitDigest: hex(16),
    membersDigest: hex(16),
    holdersDigest: hex(16),
  }),
  'claim-answer': fc.record({ number: count, answer: fc.constantFrom(...CLAIM_ANSWERS) }),
  handover: fc.record({ record: bytes }),
  'handover-refused': fc.record({ reason: name }),
  forward: fc.record({ request: bytes, workerStartId: hex(32), submittedUnixMs: unixMs, source: orNull(name) }),
  'forward-accepted': fc.record({ jobId, load: loadSample }),
  'forward-declined': fc.record({ jobId, failure, load: loadSample }),
  'job-update': fc.record({ notice: jobNotice }),
  'load-query': fc.record({ nonce }),
  'load-answer': fc.record({ nonce, load: loadSample }),
  resubmit: fc.record({ nonce, hops: fc.integer({ min: 0, max: 8 }), request: bytes, source: orNull(name) }),
  'resubmit-answer': fc.record({ nonce, notice: orNull(jobNotice), failure: orNull(failure) }),
  'job-query': fc.record({ nonce, jobId, wantTrace: fc.boolean() }),
  'job-answer': fc.record({ nonce, notice: orNull(jobNotice), steps: fc.array(traceStep, { maxLength: 3 }) }),
  ...ownOrderSamples,
  ...jobNewsSamples,
  'output-query': fc.record({ nonce, jobId, offset: fc.integer({ min: 0, max: 4_000_000 }) }),
  'output-answer': fc.record({ nonce, totalBytes: fc.integer({ min: 0, max: 4_000_000 }), page: orNull(bytes) }),
  'job-cancel': fc.record({ jobId, reason: name }),
  'records-compare': fc.record({ buckets: fc.array(hex(16), { maxLength: 256 }) }),
  'records-batch': fc.record({ sealed: fc.array(bytes, { maxLength: 4 }) }),
  drain: fc.record({ command: bytes }),
  'credentials-compare': fc.record({ buckets: fc.array(hex(16), { maxLength: 256 }) }),
  holdings: fc.record({
    of: fc.constantFrom(...HOLDINGS),
    items: fc.array(fc.record({ key: hex(22), digest: hex(16) }), { maxLength: 4 }),
  }),
  'holdings-want': fc.record({ of: fc.constantFrom(...HOLDINGS), keys: fc.array(hex(22), { maxLength: 4 }) }),
  'credentials-batch': fc.record({ sealed: fc.array(bytes, { maxLength: 4 }) }),
  'edition-put': fc.record({ nonce, sealed: bytes }),
  'edition-held': fc.record({ nonce }),
};
const direct = fc.oneof(
  ...Object.entries(directFields).map(([kind, fields]) =>
    (fields as fc.Arbitrary<object>).map((value) => ({ kind, ...value }) as Direct),
  ),
);

const cells = fc.integer({ min: 1, max: 10_000 });
const clientMessage: fc.Arbitrary<ClientMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('open' as const),
    version: fc.integer({ min: 1, max: 0xffff }),
    terminal: orNull(fc.record({ name, columns: cells, rows: cells })),
    command: orNull(name),
    environment: fc.array(fc.record({ name, value: name }), { maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant('input' as const), data: bytes }),
  fc.record({ kind: fc.constant('input-end' as const) }),
  fc.record({ kind: fc.constant('resize' as const), columns: cells, rows: cells }),
  fc.record({ kind: fc.constant('signal' as const), name }),
);
const workerMessage: fc.Arbitrary<WorkerMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('opened' as const),
    version: fc.integer({ min: 1, max: 0xffff }),
    recordingId: orNull(name),
    hostKey: name,
    hostKeyTrust: fc.constantFrom(...HOST_KEY_TRUSTS),
  }),
  fc.record({ kind: fc.constant('output' as const), data: bytes }),
  fc.record({ kind: fc.constant('error-output' as const), data: bytes }),
  fc.record({ kind: fc.constant('exit' as const), code: orNull(fc.nat()), signal: orNull(name) }),
  fc.record({ kind: fc.constant('notice' as const), text: name }),
  fc.record({ kind: fc.constant('end' as const), reason: fc.constantFrom(...CLOSE_REASONS), text: name }),
);

const sealFamily = <T>(
  seal: { readonly domain: string; readonly codec: Codec<T>; readonly payloadBytesMax: number },
  any: fc.Arbitrary<T>,
): Family<T> => ({
  name: seal.domain.replace('pam-mesh/1/', ''),
  codec: seal.codec,
  bytesMax: seal.payloadBytesMax,
  any,
});

/** Every family there is. */
export const FAMILIES: readonly Family<unknown>[] = [
  { name: 'gossip', codec: gossipCodec, bytesMax: 64 * 1024, any: gossip },
  { name: 'direct', codec: directCodec, bytesMax: 1024 * 1024, any: direct },
  { name: 'connection-client', codec: clientCodec, bytesMax: CONNECTION_MESSAGE_BYTES_MAX, any: clientMessage },
  { name: 'connection-worker', codec: workerCodec, bytesMax: CONNECTION_MESSAGE_BYTES_MAX, any: workerMessage },
  ...DESK_FAMILIES,
  { name: 'job-notice', codec: jobNoticeCodec, bytesMax: 8192, any: jobNotice },
  { name: 'grant-conditions', codec: grantConditionsCodec, bytesMax: 16 * 1024, any: grantConditions },
  sealFamily(memberRecordSeal, memberRecord),
  sealFamily(pulseSeal, pulse),
  sealFamily(limitSeal, limit),
  sealFamily(policySeal, policy),
  sealFamily(suspicionSeal, suspicion),
  sealFamily(grantSeal, grant),
  sealFamily(targetRecordSeal, targetRecord),
  sealFamily(credentialEditionSeal, edition),
  sealFamily(jobRequestSeal, jobRequest),
  sealFamily(jobNewsSeal, jobNews),
  sealFamily(successionSeal, succession),
  sealFamily(drainCommandSeal, fc.record({ gatewayUid: name, instanceId: id, expiresUnixMs: unixMs })),
] as readonly Family<unknown>[];

/** Any direct message of this kind. */
export function anyDirect(kind: Direct['kind']): fc.Arbitrary<Direct> {
  return (directFields[kind] as fc.Arbitrary<object>).map((value) => ({ kind, ...value }) as Direct);
}

/** Every kind of direct message. */
export const DIRECT_KINDS = Object.keys(directFields) as readonly Direct['kind'][];
