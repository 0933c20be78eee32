import { GatewayError } from '../../base/errors.ts';
import { formatAddress, sizeOf } from '../../base/ipv4-range.ts';
import type { Scope } from '../../wire/discovery-scope.ts';
import { identify, type Service } from './identify.ts';
import { openPort, type Place } from './open-port.ts';
import { Pace } from './pace.ts';

/** One service that was found. */
export interface Found extends Place, Service {}

/** What a scan has done so far. */
export interface ScanProgress {
  readonly tried: number;
  readonly total: number;
  readonly hostsUp: number;
  readonly found: number;
}

/** How a scan ended. */
export interface ScanResult extends ScanProgress {
  readonly services: readonly Found[];
  /** There were more than `FOUND_MAX`: the rest is left out. */
  readonly isCut: boolean;
}

/** What is scanned: hosts are named as they are to be shown, each with its address. */
export interface ScanScope extends Omit<Scope, 'hosts'> {
  readonly hosts?: readonly Located[];
}

/** A host that is no IPv4 address, and where it is. */
export interface Located {
  readonly host: string;
  readonly address: string;
}

/** Connects waited for at once: at the fastest pace that is what a silent network takes. */
const CONNECTS_MAX = 2048;
/** Servers talked to at once. */
const TALKS_MAX = 64;
/** Services of one scan. */
export const FOUND_MAX = 10_000;

/**
 * Tries every port of every address, at the scope's pace, port by port, so that one host is never met twice in a row; whoever answers is asked what it
 * is. Memory grows with what is found, not with what is tried. Throws `cancelled`.
 */
export async function scan(
  scope: ScanScope,
  watch: {
    readonly signal: AbortSignal;
    readonly atMs: () => number;
    readonly onProgress: (progress: ScanProgress) => void;
  },
): Promise<ScanResult> {
  const { signal, atMs, onProgress } = watch;
  const addresses = scope.ranges.reduce((sum, range) => sum + sizeOf(range), scope.hosts?.length ?? 0);
  const state = { tried: 0, total: addresses * scope.ports.length, isCut: false };
  const [up, services] = [new Set<string>(), [] as Found[]];
  const pace = new Pace(scope.ratePerSecond, atMs);
  const [connects, talks] = [new Gate(CONNECTS_MAX), new Gate(TALKS_MAX)];
  const progress = (): ScanProgress => ({
    tried: state.tried,
    total: state.total,
    hostsUp: up.size,
    found: services.length,
  });
  const look = async (place: Place): Promise<void> => {
    const opened = await openPort(place, signal);
    if (opened.kind !== 'silent') up.add(place.host);
    if (opened.kind !== 'open') return;
    if (services.length >= FOUND_MAX) {
      state.isCut = true;
      opened.socket.destroy();
      return;
    }
    const service = await talks.run(() => identify(place, opened.socket, signal));
    services.push({ host: place.host, port: place.port, ...service });
  };
  for (const place of places(scope)) {
    await pace.turn(signal).catch(() => undefined);
    if (signal.aborted) break;
    await connects.begin(async () => {
      await look(place);
      state.tried += 1;
      onProgress(progress());
    });
  }
  await connects.idle();
  if (signal.aborted) throw new GatewayError('cancelled', `cancelled after ${state.tried} of ${state.total} connects`);
  services.sort((left, right) => compareText(left.host, right.host) || left.port - right.port);
  return { ...progress(), services, isCut: state.isCut };
}

function* places({ ranges, ports, hosts = [] }: ScanScope): Generator<Place> {
  for (const port of ports) {
    for (const { first, last } of ranges)
      for (let address = first; address <= last; address++) yield { host: formatAddress(address), port };
    for (const located of hosts) yield { ...located, port };
  }
}

function compareText(left: string, right: string): number {
  return left.localeCompare(right, 'en', { numeric: true });
}

/** At most so many at once. */
class Gate {
  readonly #max: number;
  readonly #running = new Set<Promise<unknown>>();
  readonly #waiting: (() => void)[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  /** Begins it when there is room, and does not wait for its end. */
  async begin(work: () => Promise<void>): Promise<void> {
    await this.#room();
    const running = work().finally(() => {
      this.#running.delete(running);
      this.#waiting.shift()?.();
    });
    this.#running.add(running);
  }

  /** Runs it when there is room. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    await this.begin(() => work().then(resolve, reject));
    return promise;
  }

  /** Everything that was begun has ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #room(): Promise<void> {
    while (this.#running.size >= this.#max) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
