import type { Socket } from 'node:net';
import { GatewayError } from '../../base/errors.ts';
import type { Joined, Outcome, Session } from '../workload.ts';
import { dialTarget } from './dial.ts';

/** Connects to the record's host and port, then carries bytes until both directions are closed. */
export async function runConnection(session: Session): Promise<Outcome> {
  let socket: Socket;
  try {
    socket = await dialTarget(session.record, session.cancelled);
  } catch (error) {
    return notConnected(error);
  }
  return outcomeOf(await session.accept().joinSocket(socket));
}

function notConnected(error: unknown): Outcome {
  if (!(error instanceof GatewayError)) throw error;
  const state = error.code === 'cancelled' ? 'cancelled' : 'failed';
  return { state, error: { code: error.code, message: error.message }, bytesIn: 0, bytesOut: 0 };
}

/** A reset, by whichever side, is how many programs end a connection: carried faithfully, it is no failure of the tunnel. */
function outcomeOf({ bytesIn, bytesOut, end }: Joined): Outcome {
  if (end === 'aborted') return { state: 'cancelled', error: null, bytesIn, bytesOut };
  return { state: 'succeeded', error: null, bytesIn, bytesOut };
}
