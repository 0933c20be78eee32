import { GatewayError } from '../base/errors.ts';

/**
 * A bound on waiting that leaves nothing behind when the waiting is over. `AbortSignal.timeout` keeps its timer and makes an exception when it fires,
 * wanted or not, which counts where thousands of sessions are opened. Use with `using`.
 */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #parents: readonly AbortSignal[];
  readonly #timer: NodeJS.Timeout;
  readonly #onParent = (): void => this.#end();

  /** Aborts after `ms` milliseconds, or with the first of the parents. */
  constructor(ms: number, parents: readonly AbortSignal[] = []) {
    this.#parents = parents;
    this.#timer = setTimeout(() => {
      this.#controller.abort(new GatewayError('timeout', `no answer within ${ms / 1000} s`));
    }, ms);
    for (const parent of parents) parent.addEventListener('abort', this.#onParent);
    if (parents.some((parent) => parent.aborted)) this.#end();
  }

  /** Aborted when the time is over. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const parent of this.#parents) parent.removeEventListener('abort', this.#onParent);
  }

  #end(): void {
    this.#controller.abort(this.#parents.find((parent) => parent.aborted)?.reason);
  }
}
