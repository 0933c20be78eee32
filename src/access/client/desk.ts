import { GatewayError } from '../../base/errors.ts';
import type { InstanceId } from '../../base/ids.ts';
import { decode, encode } from '../../wire/codec.ts';
import {
  DESK,
  DESK_FRAME_BYTES_MAX,
  type DeskAnswer,
  type DeskRequest,
  deskAnswerCodec,
  deskRequestCodec,
} from '../../wire/desk-message.ts';
import { encodeFrame, FrameCutter } from '../frame.ts';
import type { AccessClient } from './access-client.ts';

/** One instance to ask. */
export interface DeskPlace {
  readonly instanceId: InstanceId;
  readonly addresses: readonly string[];
}

/**
 * Asks one instance of its sessions or recordings: straight where it can be reached, else through the entry. Yields the parts, `done` last. Throws what
 * a refusal says, `outcome-unknown` or `unreachable` where the instance is silent.
 */
export async function* askDesk(
  client: AccessClient,
  { instanceId, addresses }: DeskPlace,
  request: DeskRequest,
  signal: AbortSignal,
): AsyncGenerator<Exclude<DeskAnswer, { readonly kind: 'refused' }>> {
  const stream = await client.openSession({ jobId: DESK, worker: instanceId, addresses }, signal);
  const duplex = client.duplex(stream);
  const onAbort = (): void => void duplex.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    duplex.write(encodeFrame(encode(deskRequestCodec, request)));
    const cutter = new FrameCutter(DESK_FRAME_BYTES_MAX);
    for await (const chunk of duplex as AsyncIterable<Buffer>) {
      cutter.push(chunk);
      for (let frame = cutter.next(); frame !== undefined; frame = cutter.next()) {
        const part = decode(deskAnswerCodec, frame, DESK_FRAME_BYTES_MAX);
        if (part.kind === 'refused') throw new GatewayError(part.failure.code, part.failure.message);
        yield part;
        if (part.kind === 'done') return;
      }
    }
    throw new GatewayError('unreachable', `instance ${instanceId} broke off in the middle of its answer`);
  } finally {
    signal.removeEventListener('abort', onAbort);
    duplex.destroy();
  }
}
