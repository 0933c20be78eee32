/** Pure: what becomes of a connection, as the pool hears it. */
import { type ErrorCode, GatewayError } from '../../base/errors.ts';
import { ERROR_TEXT_MAX } from '../../wire/bounds.ts';
import { type CloseReason, cutText } from '../../wire/connection-message.ts';
import type { Outcome } from '../workload.ts';

/** Why a connection ended, and what people are told. */
export interface Ending {
  readonly reason: CloseReason;
  readonly text: string;
}

/** How each reason counts. */
const ERROR_OF: Readonly<Record<CloseReason, ErrorCode | null>> = {
  normal: null,
  'client-lost': null,
  'idle-limit': 'timeout',
  'total-limit': 'timeout',
  terminated: 'cancelled',
  'target-lost': 'target-reset',
  'target-refused': 'target-refused',
  'recording-failed': 'recording-failed',
  'instance-stopping': 'cancelled',
  'protocol-error': 'bad-message',
};

/** The outcome of a connection that had begun. */
export function outcomeOf({ reason, text }: Ending, bytes: Pick<Outcome, 'bytesIn' | 'bytesOut'>): Outcome {
  const { bytesIn, bytesOut } = bytes;
  const code = ERROR_OF[reason];
  if (code === null) return { state: 'succeeded', error: null, bytesIn, bytesOut };
  const state = code === 'cancelled' ? 'cancelled' : 'failed';
  return { state, error: { code, message: cutText(`${reason}: ${text}`) }, bytesIn, bytesOut };
}

/** The outcome of a connection that never began. */
export function failedBefore(code: ErrorCode, message: string): Outcome {
  const state = code === 'cancelled' ? 'cancelled' : 'failed';
  return { state, error: { code, message: cutText(message, ERROR_TEXT_MAX) }, bytesIn: 0, bytesOut: 0 };
}

/** The same for what was thrown; what is no expected failure is thrown on. */
export function outcomeOfError(error: unknown): Outcome {
  if (!(error instanceof GatewayError)) throw error;
  const remedy = error.remedy === undefined ? '' : ` ${error.remedy}`;
  return failedBefore(error.code, `${error.message}.${remedy}`);
}
