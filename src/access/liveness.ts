import type { Stream } from '@libp2p/interface';
import { SILENCE_CHECK_MS, SILENCE_CHECKS } from './bounds.ts';
import { MuxStream } from './transport/mux-stream.ts';

/** How long silence is borne. */
export interface Patience {
  readonly checkMs: number;
  readonly checks: number;
}

/**
 * Watches whether the other end of a stream's connection still says anything at all, while something is awaited from it. How long an
 * answer takes says little: a busy instance answers late, but it answers pings; a dead or stopped one does not. Counted in checks rather than by the
 * clock, so that a pause of this process itself is not taken for silence of the other.
 */
export class LivenessWatch implements Disposable {
  readonly #stream: MuxStream | undefined;
  readonly #onSilent: () => void;
  readonly #checksMax: number;
  readonly #timer: NodeJS.Timeout;
  #heardAtMs = 0;
  #silentChecks = 0;

  /** `onSilent` is called once, after so many checks without a sign of life; unless said, three quarters of a second to a whole one. */
  constructor(
    stream: Stream,
    onSilent: () => void,
    patience: Patience = { checkMs: SILENCE_CHECK_MS, checks: SILENCE_CHECKS },
  ) {
    this.#stream = stream instanceof MuxStream ? stream : undefined;
    this.#onSilent = onSilent;
    this.#checksMax = patience.checks;
    this.#timer = setInterval(() => this.#check(), patience.checkMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    if (this.#stream === undefined) return;
    const { heardAtMs } = this.#stream;
    this.#silentChecks = heardAtMs === this.#heardAtMs ? this.#silentChecks + 1 : 0;
    this.#heardAtMs = heardAtMs;
    if (this.#silentChecks < this.#checksMax) return this.#stream.probe();
    clearInterval(this.#timer);
    this.#onSilent();
  }
}
