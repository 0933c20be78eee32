/**
 * Pure: how many requests an instance may send to Keeper. The service allows 100 requests in 10 s for one client and endpoint, all instances of the pool
 * together, since they are one client; who goes beyond is refused, and its counter clears only after 10 s of silence. So every instance keeps to its
 * share, and when one has been refused all the same, it is silent for as long as it was told.
 */
export class RequestBudget {
  readonly #sentAtMs = new Map<string, number[]>();
  #silentUntilMs = Number.NEGATIVE_INFINITY;

  /** How long to wait before the next request to this endpoint; 0: it may go now, and is counted. */
  take(endpoint: string, at: { readonly nowMs: number; readonly instances: number }): number {
    const { nowMs, instances } = at;
    if (nowMs < this.#silentUntilMs) return this.#silentUntilMs - nowMs;
    const share = Math.max(1, Math.floor(REQUESTS_USED / Math.max(1, instances)));
    const recent = (this.#sentAtMs.get(endpoint) ?? []).filter((atMs) => nowMs - atMs < WINDOW_MS);
    this.#sentAtMs.set(endpoint, recent);
    const oldest = recent[recent.length - share];
    if (oldest !== undefined) return oldest + WINDOW_MS - nowMs;
    recent.push(nowMs);
    return 0;
  }

  /** The service has refused for being asked too often; `retryAfterMs` is what it said, 0 if it said nothing. */
  refused(nowMs: number, retryAfterMs: number): void {
    this.#silentUntilMs = nowMs + (retryAfterMs > 0 ? retryAfterMs : SILENCE_MS);
  }
}

/** The service's window, and of its 100 requests what the pool uses: the rest is for the application's other clients. */
const WINDOW_MS = 10_000;
const REQUESTS_USED = 80;
/** A second longer than the service's counter lives. */
const SILENCE_MS = 11_000;
