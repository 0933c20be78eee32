import { HOST_KEY_LABEL } from '../../../wire/connection-message.ts';
import type { TargetRecord } from '../../../wire/record.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { printable } from '../../frame/text.ts';
import type { Connected } from '../connection.ts';
import { publishRecord } from '../record/publish-record.ts';

/** A host key that the record does not hold yet. */
export interface SeenHostKey {
  readonly record: TargetRecord;
  readonly hostKey: string;
  /** The worker sees it for the first time, too. */
  readonly isNew: boolean;
}

/**
 * Pins a host key where it is seen first: an admin signs it into the record, for all instances and for good; for anybody else the worker remembers it. Never
 * throws: the session goes on either way.
 */
export async function pinHostKey(
  terminal: Terminal,
  connected: Connected,
  { record, hostKey, isNew }: SeenHostKey,
): Promise<void> {
  if (connected.profile.role !== 'admin') {
    if (isNew)
      terminal.note(
        `First session on ${printable(record.title)}: its worker trusts host key ${hostKey} from now on.\r`,
      );
    return;
  }
  const labels = [...record.labels, { key: HOST_KEY_LABEL, value: hostKey }];
  try {
    const { unixMs } = await connected.client.welcome(terminal.signal);
    const pinned = { ...record, labels, revision: record.revision + 1, changedUnixMs: unixMs };
    await publishRecord(connected, pinned, { signWith: [], terminal });
    terminal.note(`First session on ${printable(record.title)}: host key ${hostKey} is pinned in the record.\r`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    terminal.note(`Host key ${hostKey} of ${printable(record.title)} could not be pinned: ${printable(reason)}\r`);
  }
}
