import type { Duplex } from 'node:stream';
import type { Stream } from '@libp2p/interface';
import { GatewayError } from '../../base/errors.ts';
import type { PoolPort } from '../../pool-port.ts';
import type { Desk } from '../../recording/index.ts';
import { decode, encode } from '../../wire/codec.ts';
import { cutText } from '../../wire/connection-message.ts';
import { DESK_FRAME_BYTES_MAX, type DeskAnswer, deskAnswerCodec, deskRequestCodec } from '../../wire/desk-message.ts';
import { CLAIM_TIMEOUT_MS } from '../bounds.ts';
import { Deadline } from '../deadline.ts';
import { encodeFrame, takeFrame } from '../frame.ts';
import type { AccessLog } from '../log.ts';
import { sendAnswer } from '../session-answer.ts';
import { StreamDuplex } from '../stream-duplex.ts';
import type { Ledger } from './ledger.ts';

/** What serving the desk needs. */
export interface DeskComponents {
  readonly port: PoolPort;
  readonly desk: Desk;
  readonly ledger: Ledger;
  readonly log: AccessLog;
}

/** Streams being served; raising it costs an open file each. */
const SERVED_MAX = 64;

/** Answers what clients ask of this instance's sessions and recordings. */
export class DeskServer {
  readonly #components: DeskComponents;
  #served = 0;

  constructor(components: DeskComponents) {
    this.#components = components;
  }

  /** Serves one stream, whose claim was checked, to its end. Throws only before anything was answered. */
  async serve(stream: Stream, caller: string): Promise<void> {
    if (this.#served >= SERVED_MAX)
      throw new GatewayError('declined', `${SERVED_MAX} others ask this instance already`);
    this.#served += 1;
    try {
      sendAnswer(stream, { kind: 'ready' });
      await this.#answer(stream, caller);
    } finally {
      this.#served -= 1;
    }
  }

  async #answer(stream: Stream, caller: string): Promise<void> {
    const { port, desk, ledger, log } = this.#components;
    using deadline = new Deadline(CLAIM_TIMEOUT_MS);
    const frame = await takeFrame(stream, { payloadBytesMax: DESK_FRAME_BYTES_MAX, signal: deadline.signal });
    const request = decode(deskRequestCodec, frame, DESK_FRAME_BYTES_MAX);
    ledger.looked(caller, request);
    const gone = new AbortController();
    const duplex = new StreamDuplex(stream);
    duplex.on('error', () => undefined);
    duplex.once('close', () => gone.abort());
    duplex.resume();
    try {
      const asking = { id: caller, isAdmin: port.gateway.adminKeys.includes(caller) };
      let isWatching = false;
      for await (const part of desk.answer(asking, request, gone.signal)) {
        // Only now it is known that they may.
        if (request.kind === 'watch-session' && part.kind === 'text' && !isWatching) {
          isWatching = true;
          ledger.watched(caller, request.jobId);
        }
        if (!(await send(duplex, part))) return;
      }
    } catch (error) {
      if (!(error instanceof GatewayError)) log.warn({ request: request.kind, error }, 'the desk failed');
      const code = error instanceof GatewayError ? error.code : 'storage-failed';
      const message = cutText(error instanceof Error ? error.message : String(error));
      await send(duplex, { kind: 'refused', failure: { code, message } });
    } finally {
      duplex.end();
    }
  }
}

/** Sends a part, and waits while the client does not read; false: it is gone. */
async function send(duplex: Duplex, part: DeskAnswer): Promise<boolean> {
  if (!duplex.writable) return false;
  if (duplex.write(encodeFrame(encode(deskAnswerCodec, part)))) return true;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      duplex.off('drain', done);
      duplex.off('close', done);
      resolve();
    };
    duplex.on('drain', done);
    duplex.on('close', done);
  });
  return duplex.writable;
}
