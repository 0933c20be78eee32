import { expect, it } from 'vitest';
import { Ledger } from '../../src/access/server/ledger.ts';
import type { AuditEvent } from '../../src/audit/index.ts';

it('whoever looks at a recording or at a running session is recorded, whoever lists them is not', () => {
  const recorded: AuditEvent[] = [];
  const ledger = new Ledger({
    append: (event) => void recorded.push(event),
    appendNow: async () => undefined,
    vaultFor: (vault) => vault,
    page: async () => ({ lines: [], next: 0, end: 0 }),
    failure: null,
  });
  ledger.looked('carol', { kind: 'list-recordings' });
  ledger.looked('carol', { kind: 'read-recording', id: 'r1' });
  ledger.looked('carol', { kind: 'watch-session', jobId: 'j1' });
  expect(recorded).toMatchObject([
    { kind: 'requested', caller: 'carol', what: 'read-recording', subject: 'r1' },
    { kind: 'requested', caller: 'carol', what: 'watch-session', subject: 'j1' },
  ]);
});
