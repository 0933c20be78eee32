import { describe, expect, it } from 'vitest';
import { formatHex } from '../../src/base/bytes.ts';
import { keyPairFromSeed } from '../../src/base/ed25519.ts';
import {
  ACCESS_ANSWER_BYTES_MAX,
  ACCESS_REQUEST_BYTES_MAX,
  type AccessAnswer,
  type AccessRequest,
  accessAnswerCodec,
  accessRequestCodec,
} from '../../src/wire/access-message.ts';
import { sessionAnswerCodec, sessionClaimSeal } from '../../src/wire/access-session.ts';
import { decode, encode } from '../../src/wire/codec.ts';
import type { JobNotice } from '../../src/wire/job.ts';
import { seal } from '../../src/wire/sealed.ts';
import { testSeed } from './pool.ts';

const key = keyPairFromSeed(testSeed('key'));
const BYTES = new Uint8Array([1, 2, 3]);
const JOB_ID = 'AAAAAAAAAAAAAAAAAAAAAA';

const notice: JobNotice = {
  jobId: JOB_ID,
  kind: 'tunnel',
  recordId: JOB_ID,
  parent: null,
  caller: key.id,
  state: 'failed',
  entry: key.id,
  worker: null,
  submittedUnixMs: 1,
  startedUnixMs: null,
  endedUnixMs: 3,
  error: { code: 'target-refused', message: 'no' },
  bytesIn: 1,
  progress: null,
  bytesOut: 2,
};

const requests: readonly (readonly [AccessRequest, string])[] = [
  [{ kind: 'hello', grant: null }, '820782008' + '1f6'],
  [{ kind: 'submit', request: BYTES }, '820782018143010203'],
  [{ kind: 'job-info', jobId: JOB_ID }, `820782028176${'41'.repeat(22)}`],
  [{ kind: 'job-trace', jobId: JOB_ID }, `820782038176${'41'.repeat(22)}`],
  [{ kind: 'job-cancel', jobId: JOB_ID, reason: 'no' }, `820782048276${'41'.repeat(22)}626e6f`],
  [{ kind: 'pool-view', after: null }, '8207820581f6'],
  [{ kind: 'offer-limit', sealed: BYTES }, '820782068143010203'],
  [{ kind: 'offer-record', sealed: BYTES }, '820782078143010203'],
  [{ kind: 'list-records', match: 'a', after: null }, '82078208826161f6'],
  [{ kind: 'schedules', match: null, after: null }, '820782184682f6f6'],
  [{ kind: 'drain-member', command: BYTES }, '820782098143010203'],
  [{ kind: 'list-editions', recordId: JOB_ID }, `820782181e8176${'41'.repeat(22)}`],
  [{ kind: 'offer-edition', sealed: BYTES }, '820782181f8143010203'],
  [
    { kind: 'reveal', recordId: JOB_ID, recipient: 'A'.repeat(43) },
    `82078218208276${'41'.repeat(22)}782b${'41'.repeat(43)}`,
  ],
  [{ kind: 'audit-page', after: null, most: 5, match: null }, '820782183283f605f6'],
  [{ kind: 'list-jobs', jobKind: 'discovery', parent: null }, '820782183c8202f6'],
  [
    {
      kind: 'audit-page',
      after: 1,
      most: 2,
      match: { kinds: ['denied'], text: 'a', sinceUnixMs: 3, untilUnixMs: null },
    },
    '82078218328301028481' + '6664656e696564' + '616103f6',
  ],
];

const answers: readonly AccessAnswer[] = [
  { kind: 'jobs', notices: [notice] },
  { kind: 'refused', failure: { code: 'not-allowed', message: 'no' } },
  { kind: 'done' },
  {
    kind: 'schedules',
    rows: [
      {
        ...{ recordId: JOB_ID, owner: key.id, nextUnixMs: 5, lastUnixMs: null, lastOwner: null, lastJobId: null },
        waiting: 'for a majority',
      },
    ],
    next: JOB_ID,
  },
  {
    kind: 'welcome',
    instanceId: key.id,
    startId: '0'.repeat(32),
    unixMs: 1,
    gatewayUid: 'uid',
    gatewayName: 'name',
    proof: BYTES,
    vaultKey: 'A'.repeat(43),
    succession: 'A'.repeat(400),
    members: [{ instanceId: key.id, addresses: ['/ip4/127.0.0.1/tcp/1'] }],
  },
  { kind: 'accepted', notice, worker: key.id, addresses: [] },
  { kind: 'job', notice, steps: [{ atUnixMs: 1, instanceId: key.id, what: 'a', detail: '' }] },
  { kind: 'pool', gatewayUid: 'uid', gatewayName: 'name', maxInstances: 3, limitVersion: 1, members: [], next: key.id },
  { kind: 'records', records: [], next: null },
  { kind: 'audit', instanceId: key.id, lines: [BYTES], next: 1, end: 2 },
];

describe('messages of the access plane', () => {
  it.each(requests)('stand on the wire like this for good: $kind', (body, hex) => {
    const bytes = encode(accessRequestCodec, { number: 7, body });
    expect(formatHex(bytes)).toBe(hex);
    expect(decode(accessRequestCodec, bytes, ACCESS_REQUEST_BYTES_MAX)).toEqual({ number: 7, body });
  });

  it.each(answers)('come back as they were: $kind', (body) => {
    const bytes = encode(accessAnswerCodec, { number: 7, body });
    expect(decode(accessAnswerCodec, bytes, ACCESS_ANSWER_BYTES_MAX)).toEqual({ number: 7, body });
  });

  it('of a session stand on the wire like this for good', () => {
    const claim = { jobId: JOB_ID, worker: key.id, nonce: new Uint8Array(16) };
    expect(formatHex(encode(sessionClaimSeal.codec, claim))).toBe(
      `8376${'41'.repeat(22)}7834${Buffer.from(key.id).toString('hex')}50${'00'.repeat(16)}`,
    );
    expect(seal(sessionClaimSeal, claim, [key]).length).toBeLessThan(400);
    expect(formatHex(encode(sessionAnswerCodec, { kind: 'ready' }))).toBe('820080');
    const elsewhere = { kind: 'elsewhere', worker: key.id, addresses: ['/ip4/127.0.0.1/tcp/1'] } as const;
    const elsewhereBytes = encode(sessionAnswerCodec, elsewhere);
    expect(formatHex(elsewhereBytes)).toBe(
      `8202827834${Buffer.from(key.id).toString('hex')}8174${Buffer.from('/ip4/127.0.0.1/tcp/1').toString('hex')}`,
    );
    expect(decode(sessionAnswerCodec, elsewhereBytes, 1024)).toEqual(elsewhere);
    const refused = { kind: 'refused', failure: { code: 'not-found', message: 'no' } } as const;
    expect(formatHex(encode(sessionAnswerCodec, refused))).toBe('8201818269' + '6e6f742d666f756e64' + '626e6f');
  });
});
