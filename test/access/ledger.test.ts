import type { Connection } from '@libp2p/interface';
import { expect, it } from 'vitest';
import { Ledger } from '../../src/access/server/ledger.ts';
import type { AuditEvent } from '../../src/audit/index.ts';
import { keyPairFromSeed } from '../../src/base/ed25519.ts';
import type { AccessAnswer } from '../../src/wire/access-message.ts';
import type { JobNotice } from '../../src/wire/job.ts';
import { testSeed } from './pool.ts';

const NOTICE: JobNotice = {
  jobId: 'A'.repeat(22),
  kind: 'connection',
  recordId: 'B'.repeat(22),
  parent: null,
  caller: keyPairFromSeed(testSeed('nobody')).id,
  state: 'cancelled',
  entry: keyPairFromSeed(testSeed('entry')).id,
  worker: null,
  submittedUnixMs: 1,
  startedUnixMs: 2,
  endedUnixMs: 3,
  error: null,
  bytesIn: 0,
  progress: null,
  bytesOut: 0,
};

/** What a ledger hands to the audit. */
function openLedger(): { readonly ledger: Ledger; readonly recorded: readonly AuditEvent[] } {
  const recorded: AuditEvent[] = [];
  const ledger = new Ledger({
    append: (event) => void recorded.push(event),
    appendNow: async () => undefined,
    vaultFor: (vault) => vault,
    page: async () => ({ lines: [], next: 0, end: 0 }),
    failure: null,
  });
  return { ledger, recorded };
}

/** A session that was ended, of this caller. */
function ended(owner: string, change: Partial<JobNotice> = {}): AccessAnswer {
  const notice = { ...NOTICE, caller: keyPairFromSeed(testSeed(owner)).id, ...change };
  return { kind: 'job', notice, steps: [] };
}

it.each<[string, AccessAnswer, boolean]>([
  ['somebody else’s session', ended('alice'), true],
  ['somebody else’s tunnel', ended('alice', { kind: 'tunnel' }), true],
  ['a session of one’s own', ended('carol'), false],
  ['somebody else’s discovery', ended('alice', { kind: 'discovery' }), false],
  ['a session that had ended before', ended('alice', { state: 'succeeded' }), false],
])('whoever ends %s is recorded as controlling a session, or not', (_what, answer, isControl) => {
  const { ledger, recorded } = openLedger();
  const caller = { id: keyPairFromSeed(testSeed('carol')).id, grant: null };
  const connection = { remoteAddr: { toString: () => '' } } as Connection;
  ledger.answered(connection, caller, { kind: 'job-cancel', jobId: NOTICE.jobId, reason: 'enough' }, answer);
  const controlled = recorded.filter(({ kind }) => kind === 'session-controlled');
  expect(controlled).toEqual(
    isControl ? [{ kind: 'session-controlled', jobId: NOTICE.jobId, caller: caller.id, what: 'ended' }] : [],
  );
});

it('whoever looks at a recording or at a running session is recorded, whoever lists them is not', () => {
  const { ledger, recorded } = openLedger();
  ledger.looked('carol', { kind: 'list-recordings' });
  ledger.looked('carol', { kind: 'read-recording', id: 'r1' });
  ledger.looked('carol', { kind: 'watch-session', jobId: 'j1' });
  expect(recorded).toMatchObject([
    { kind: 'requested', caller: 'carol', what: 'read-recording', subject: 'r1' },
    { kind: 'requested', caller: 'carol', what: 'watch-session', subject: 'j1' },
  ]);
});
