import type { Stream } from '@libp2p/interface';
import { GatewayError } from '../../base/errors.ts';
import {
  ACCESS_ANSWER_BYTES_MAX,
  type AccessAnswer,
  type AccessRequest,
  accessAnswerCodec,
  accessRequestCodec,
} from '../../wire/access-message.ts';
import { decode, encode } from '../../wire/codec.ts';
import { encodeFrame, FrameCutter } from '../frame.ts';
import { LivenessWatch } from '../liveness.ts';
import { trySend } from '../stream-state.ts';

interface Waiting {
  readonly resolve: (answer: AccessAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** Requests of this client to one instance over one stream. */
export class ControlClient {
  readonly #stream: Stream;
  readonly #cutter = new FrameCutter(ACCESS_ANSWER_BYTES_MAX);
  readonly #waiting = new Map<number, Waiting>();
  readonly #closed = Promise.withResolvers<void>();
  #watch: LivenessWatch | undefined;
  #number = 0;
  #isOpen = true;

  constructor(stream: Stream) {
    this.#stream = stream;
    stream.addEventListener('message', ({ data }) => this.#take(data));
    stream.addEventListener('end', () => this.#stop());
    stream.addEventListener('close', () => this.#stop());
    if (stream.status !== 'open') this.#stop();
  }

  /** False once the stream has ended: nothing more is answered. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Resolves when the stream has ended. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** The answer, whatever it is; throws `outcome-unknown` if the stream ends or the instance is silent before it, `timeout` if `signal` says so. */
  async request(request: AccessRequest, signal: AbortSignal): Promise<AccessAnswer> {
    const number = this.#number++;
    const { promise, resolve, reject } = Promise.withResolvers<AccessAnswer>();
    const onAbort = (): void => reject(new GatewayError('timeout', 'no answer in time', { cause: signal.reason }));
    signal.addEventListener('abort', onAbort, { once: true });
    this.#waiting.set(number, { resolve, reject });
    this.#watch ??= new LivenessWatch(this.#stream, () => this.stop());
    try {
      if (signal.aborted) onAbort();
      else if (!this.#isOpen) reject(lost());
      else trySend(this.#stream, encodeFrame(encode(accessRequestCodec, { number, body: request })));
      return await promise;
    } finally {
      this.#waiting.delete(number);
      if (this.#waiting.size === 0) this.#unwatch();
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Ends the stream; requests that wait are given up. */
  stop(): void {
    this.#stream.abort(new Error('no longer needed'));
    this.#stop();
  }

  #unwatch(): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
  }

  #take(data: Uint8Array | Iterable<Uint8Array>): void {
    for (const chunk of data instanceof Uint8Array ? [data] : data) this.#cutter.push(chunk);
    try {
      for (let frame = this.#cutter.next(); frame !== undefined; frame = this.#cutter.next()) {
        const { number, body } = decode(accessAnswerCodec, frame, ACCESS_ANSWER_BYTES_MAX);
        this.#waiting.get(number)?.resolve(body);
      }
    } catch (error) {
      this.#stream.abort(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #stop(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#unwatch();
    for (const { reject } of this.#waiting.values()) reject(lost());
    this.#closed.resolve();
  }
}

/** The answer as one of the expected kind; throws what a refusal says. */
export function expectAnswer<K extends AccessAnswer['kind']>(
  answer: AccessAnswer,
  kind: K,
): Extract<AccessAnswer, { kind: K }> {
  if (answer.kind === 'refused') throw new GatewayError(answer.failure.code, answer.failure.message);
  if (isKind(answer, kind)) return answer;
  throw new GatewayError('bad-message', `the gateway answered "${answer.kind}" where "${kind}" was expected`);
}

function isKind<K extends AccessAnswer['kind']>(
  answer: AccessAnswer,
  kind: K,
): answer is Extract<AccessAnswer, { kind: K }> {
  return answer.kind === kind;
}

function lost(): GatewayError {
  return new GatewayError('outcome-unknown', 'the gateway instance was lost before it answered');
}
