/** Pure: how a session's end counts for the command that ran it. */
import { type ErrorCode, GatewayError } from '../../../base/errors.ts';
import type { CloseReason } from '../../../wire/connection-message.ts';

/** Reasons that are failures of the command, each with its code. */
const FAILURES: Readonly<Partial<Record<CloseReason, ErrorCode>>> = {
  'idle-limit': 'timeout',
  'total-limit': 'timeout',
  terminated: 'cancelled',
  'target-lost': 'target-reset',
  'target-refused': 'target-refused',
  'recording-failed': 'recording-failed',
  'instance-stopping': 'cancelled',
  'protocol-error': 'bad-message',
};

/** The failure that an end stands for; undefined for one that is none. */
export function failureOf({
  reason,
  text,
}: {
  readonly reason: CloseReason;
  readonly text: string;
}): GatewayError | undefined {
  const code = FAILURES[reason];
  return code === undefined ? undefined : new GatewayError(code, `session ended (${reason}): ${text}`);
}
