import { createHash, randomBytes } from 'node:crypto';
import {
  type AccessClient,
  type AccessClientInit,
  type AccessServer,
  connectAccess,
  proveInstance,
  startAccessServer,
} from '../../src/access/index.ts';
import type { Audit, AuditEvent } from '../../src/audit/index.ts';
import { createEd25519Verify, type KeyPair, keyPairFromSeed } from '../../src/base/ed25519.ts';
import { GatewayError } from '../../src/base/errors.ts';
import type { PeerKeyId } from '../../src/base/ids.ts';
import { Secret } from '../../src/base/secret.ts';
import { STAMP_ZERO } from '../../src/base/stamp.ts';
import type { MemberView, PoolView, Reply } from '../../src/core/index.ts';
import type { PoolPort, SessionAnswer, SessionEnd } from '../../src/pool-port.ts';
import { Archive, createRecorder, Desk } from '../../src/recording/index.ts';
import { createReveal, type Vault } from '../../src/vault/index.ts';
import type { Grant } from '../../src/wire/grant.ts';
import { type JobNotice, type JobRequest, jobRequestSeal } from '../../src/wire/job.ts';
import type { TargetRecord } from '../../src/wire/record.ts';
import { open } from '../../src/wire/sealed.ts';
import { createWorkloads, type WorkloadTable } from '../../src/workloads/index.ts';
import { MemoryVault } from '../workloads/memory-vault.ts';

/** Anything that has not happened by then never will. */
export const DEADLINE_MS = 20_000;

/** 32 bytes that depend on the label only. */
export function testSeed(label: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(label).digest());
}

/** The admin of the test pool. */
export const admin: KeyPair = keyPairFromSeed(testSeed('admin'));
/** What instances prove with that they belong to the pool. */
export const poolKey: KeyPair = keyPairFromSeed(testSeed('pool'));

/** A grant to be given conditions. */
export const GRANT_OF_NOTHING: Grant = {
  gatewayUid: '',
  grantId: 'grant-of-nothing',
  name: 'alice',
  userKey: admin.id,
  allow: [],
  issuedUnixMs: 0,
  expiresUnixMs: null,
  conditions: null,
};

/** A deadline for one step of a test. */
export function soon(): AbortSignal {
  return AbortSignal.timeout(DEADLINE_MS);
}

interface Job {
  readonly request: JobRequest;
  readonly worker: string;
  readonly cancel: AbortController;
  state: JobNotice['state'];
  end: SessionEnd | undefined;
  readonly ended: PromiseWithResolvers<void>;
}

/** What the running instances would agree on, without the agreeing: stands in for the core behind every port. */
export class TestPool {
  readonly uid = 'AAECAwQFBgcICQoLDA0ODw';
  readonly records: TargetRecord[] = [];
  readonly jobs = new Map<string, Job>();
  readonly ends: SessionEnd[] = [];
  readonly members: TestMember[] = [];
  /** Under which sessions run; null: an admin's. */
  grant: Grant | null = null;
  /** Which member does the next job; undefined: none. */
  choose: (request: JobRequest) => string | undefined = () => this.members[0]?.id;
  readonly #verify = createEd25519Verify();

  addRecord(host: string, port: number, title = `record-${this.records.length}`): TargetRecord {
    const record: TargetRecord = {
      gatewayUid: this.uid,
      recordId: randomBytes(16).toString('base64url'),
      revision: 1,
      deleted: false,
      type: 'machine',
      title,
      host,
      port,
      protocol: 'tcp',
      user: null,
      labels: [],
      changedUnixMs: 1,
      parentId: null,
    };
    this.records.push(record);
    return record;
  }

  submit(sealed: Uint8Array): Reply {
    const { value: request } = open(jobRequestSeal, sealed, this.#verify);
    const record = this.records.find(({ recordId }) => recordId === request.recordId);
    if (record === undefined) return refused('not-found', `record ${request.recordId} is not known`);
    const worker = this.choose(request);
    if (worker === undefined) return refused('no-worker', 'nobody can take it');
    this.jobs.set(request.jobId, {
      request,
      worker,
      cancel: new AbortController(),
      ended: Promise.withResolvers(),
      state: 'accepted',
      end: undefined,
    });
    const notice = this.notice(request.jobId);
    if (notice === null) throw new Error('just made');
    return { kind: 'accepted', notice, worker: worker as PeerKeyId };
  }

  openSession(worker: string, jobId: string, caller: string): SessionAnswer {
    const job = this.jobs.get(jobId);
    const record = this.records.find(({ recordId }) => recordId === job?.request.recordId);
    if (job === undefined || record === undefined || job.worker !== worker) return refused('not-found', 'no such job');
    if (job.request.caller !== caller) return refused('not-allowed', 'not your job');
    if (job.state !== 'accepted') return refused('not-allowed', 'it has begun before');
    job.state = 'running';
    return { kind: 'run', request: job.request, record, grant: this.grant, cancelled: job.cancel.signal };
  }

  end(end: SessionEnd): void {
    this.ends.push(end);
    const job = this.jobs.get(end.jobId);
    if (job === undefined || job.end !== undefined) throw new Error('ended twice');
    job.end = end;
    job.state = end.state;
    job.ended.resolve();
  }

  /** Resolves when the job has ended. */
  async ended(jobId: string): Promise<void> {
    await this.jobs.get(jobId)?.ended.promise;
  }

  notice(jobId: string): JobNotice | null {
    const job = this.jobs.get(jobId);
    if (job === undefined) return null;
    const { request, state, end } = job;
    return {
      jobId,
      kind: request.kind,
      recordId: request.recordId,
      parent: request.parent,
      caller: request.caller,
      state,
      entry: request.entry,
      worker: job.worker as PeerKeyId,
      submittedUnixMs: 1,
      startedUnixMs: null,
      endedUnixMs: null,
      error: end?.error ?? null,
      bytesIn: end?.bytesIn ?? 0,
      bytesOut: end?.bytesOut ?? 0,
      progress: null,
    };
  }
}

/** Of an instance that has recorded nothing. */
function emptyDesk(): Desk {
  const poolKey = new Secret(testSeed('recordings'));
  const folder = '/nonexistent/recordings';
  return new Desk(new Archive(folder, poolKey), createRecorder({ folder, instanceId: 'none', poolKey }));
}

function refused(
  code: 'not-found' | 'no-worker' | 'not-allowed',
  message: string,
): { kind: 'refused'; failure: { code: typeof code; message: string } } {
  return { kind: 'refused', failure: { code, message } };
}

/** One instance of the test pool with a real access plane. */
export class TestMember {
  readonly id: PeerKeyId;
  readonly offered: string[] = [];
  readonly port: PoolPort;
  readonly #seed: Uint8Array;
  readonly #pool: TestPool;
  #onSubmit: (() => Promise<Reply>) | undefined;
  server: AccessServer | undefined;
  /** What it says of where it is; its true addresses if it is left alone. */
  announced: readonly string[] | undefined;
  /** What was recorded, in order. */
  readonly recorded: AuditEvent[] = [];
  /** Why nothing can be recorded. */
  auditFailure: string | null = null;
  readonly vault = new MemoryVault();

  constructor(pool: TestPool, label: string) {
    this.#pool = pool;
    this.#seed = testSeed(label);
    this.id = keyPairFromSeed(this.#seed).id;
    this.port = this.#createPort();
    pool.members.push(this);
  }

  async start(
    init: { readonly workloads?: WorkloadTable; readonly desk?: Desk; readonly vault?: Vault } = {},
  ): Promise<this> {
    const vault = init.vault ?? this.vault;
    this.server = await startAccessServer({
      identity: this.#seed,
      proof: () => proveInstance(poolKey, this.id),
      listen: [{ host: '127.0.0.1', port: 0 }],
      announce: [],
      port: this.port,
      workloads: init.workloads ?? createWorkloads(null),
      desk: init.desk ?? emptyDesk(),
      vault,
      vaultKey: () => null,
      reveal: createReveal(vault, this.#pool.uid),
      audit: this.#createAudit(),
    });
    return this;
  }

  #createAudit(): Audit {
    const member = this;
    return {
      append: (event) => void member.recorded.push(event),
      appendNow: async (event) => {
        if (member.auditFailure !== null) throw new GatewayError('storage-failed', member.auditFailure);
        member.recorded.push(event);
      },
      vaultFor: (vault) => vault,
      page: async () => ({ lines: [], next: 0, end: 0 }),
      get failure() {
        return member.auditFailure;
      },
    };
  }

  /** From now on job requests are not answered; resolves when one has come. */
  holdSubmit(): Promise<void> {
    const asked = Promise.withResolvers<void>();
    this.#onSubmit = () => {
      asked.resolve();
      return new Promise(() => undefined);
    };
    return asked.promise;
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    await server?.stop();
  }

  /** `127.0.0.1:port`. */
  address(): string {
    return `127.0.0.1:${this.tcpPort()}`;
  }

  tcpPort(): number {
    return Number(/\/tcp\/(\d+)/.exec(this.server?.addresses()[0] ?? '')?.[1]);
  }

  #createPort(): PoolPort {
    const pool = this.#pool;
    const note = (what: string): Reply => {
      this.offered.push(what);
      return { kind: 'done' };
    };
    return {
      instanceId: this.id,
      startId: 'start-1',
      gateway: { uid: pool.uid, name: 'test', adminKeys: [admin.id], threshold: 1 },
      unixMs: () => Date.now(),
      view: () => poolView(this.id, pool),
      jobs: { jobs: () => [], trace: () => [] },
      records: {
        list: () => pool.records,
        find: (text) => pool.records.filter(({ recordId, title }) => [recordId, title].includes(text)),
        isRemoved: () => false,
      },
      submit: async ({ request }) => {
        this.offered.push('submit');
        return this.#onSubmit?.() ?? pool.submit(request);
      },
      openSession: async ({ jobId, caller }) => pool.openSession(this.id, jobId, caller),
      jobProgress: () => undefined,
      jobReport: () => undefined,
      jobEnded: (end) => pool.end(end),
      queryJob: async (jobId) => ({ kind: 'job', notice: pool.notice(jobId), steps: [] }),
      queryOutput: async () => refused('not-found', 'no output'),
      cancelJob: async (jobId, _caller, reason) => {
        pool.jobs.get(jobId)?.cancel.abort(new GatewayError('cancelled', reason));
        return note('cancel-job');
      },
      offerLimit: async () => note('offer-limit'),
      offerPolicy: async () => note('offer-policy'),
      policies: [],
      grantProblem: ({ expiresUnixMs }) =>
        expiresUnixMs !== null && expiresUnixMs <= Date.now() ? 'the grant expired' : null,
      offerRecord: async () => note('offer-record'),
      credentials: { editions: () => [] },
      schedules: { list: () => [] },
      offerEdition: async () => note('offer-edition'),
      drainMember: async () => note('drain-member'),
    };
  }
}

function poolView(self: PeerKeyId, pool: TestPool): PoolView {
  return {
    self,
    state: 'admitted',
    limit: { maxInstances: 3, version: 1, issuedUnixMs: 1, expiresUnixMs: null, digest: '', signedBy: [], history: [] },
    members: pool.members.map(memberView),
    admission: { seatsHeld: 1, maxInstances: 3, limitVersion: 1, order: [], agree: 1, of: 1, differ: [] },
  };
}

function memberView(member: TestMember): MemberView {
  return {
    record: {
      instanceId: member.id,
      startId: 'start-1',
      incarnation: 1,
      sequence: 1,
      issuedAt: STAMP_ZERO,
      startedAt: STAMP_ZERO,
      state: 'admitted',
      joinedAt: STAMP_ZERO,
      seat: null,
      successor: null,
      replaces: null,
      claim: 0,
      name: 'name',
      version: '1',
      platform: 'linux',
      capabilities: ['tunnel'],
      labels: [],
      meshAddresses: [],
      accessAddresses: member.announced ?? member.server?.addresses() ?? [],
    },
    state: 'admitted',
    rank: 0,
    load: null,
    held: null,
    lastHeardMs: 0,
    clockOffsetMs: null,
    linked: true,
  };
}

/** A client with the admin's key, connected to the members. */
export function connectAdmin(
  members: readonly TestMember[],
  changes: Partial<AccessClientInit & { readonly keySeed: Uint8Array }> = {},
): Promise<AccessClient> {
  const addresses = members.map((member) => member.address());
  return connectAccess({ keySeed: testSeed('admin'), grant: null, addresses, poolKey: poolKey.id, ...changes }, soon());
}
