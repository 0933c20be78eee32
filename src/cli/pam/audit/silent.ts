import type { Terminal } from '../../frame/terminal.ts';
import { printable } from '../../frame/text.ts';
import type { PoolLogs } from './logs.ts';

/** Says which instances are missing in what follows: a part of the truth must not look like all of it. */
export function noteSilent(terminal: Terminal, { silent }: PoolLogs): void {
  for (const { name, reason } of silent)
    terminal.note(`${printable(name)}: its log is missing here: ${printable(reason)}`);
}
