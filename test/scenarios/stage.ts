import { perform } from '../simulator/acts.ts';
import { CHECKERS } from '../simulator/checkers/index.ts';
import { CALM } from '../simulator/conditions.ts';
import type { Act } from '../simulator/plan.ts';
import type { SimProcess } from '../simulator/sim-process.ts';
import { World } from '../simulator/world.ts';

const DAY_MS = 86_400_000;
const HOSTS = 16;
const STEP_MS = 50;

type Command = (words: readonly string[], options: ReadonlyMap<string, string>) => string;

/** Plays the commands of a scenario on a simulated pool, with every safety checker watching. */
export class Stage {
  #world: World | undefined;
  #heal: (() => void) | undefined;

  readonly #commands: Readonly<Record<string, Command>> = {
    pool: (_, options) => this.#pool(options),
    start: (names, options) => this.#start(names, options),
    drain: (names) => this.#each(names, (host) => ({ kind: 'drain', host })),
    leave: (names) => this.#each(names, (host) => ({ kind: 'leave', host })),
    kill: (names) => this.#each(names, (host) => ({ kind: 'crash', host, loud: true, atWrite: false })),
    unplug: (names) => this.#each(names, (host) => ({ kind: 'crash', host, loud: false, atWrite: false })),
    restart: (names, options) => this.#restart(names, options),
    freeze: (names, options) =>
      this.#each(names, (host) => ({
        kind: 'pause',
        host,
        forMs: milliseconds(options.get('for') ?? '1s'),
        timersFirst: true,
      })),
    'set-clock': (names, options) =>
      this.#each(names, (host) => ({ kind: 'clock-jump', host, byMs: milliseconds(options.get('by') ?? '0s') })),
    'set-limit': ([limit], options) => this.#setLimit(Number(limit), options),
    jobs: ([count], options) => this.#jobs(Number(count), options),
    split: (names) => this.#split(names),
    heal: () => this.#healNow(),
    run: ([time]) => this.#run(milliseconds(time ?? '1s')),
    within: ([time, ...condition]) => this.#within(time ?? '1s', condition),
    admission: (names) => this.#admission(names),
    exits: () => this.#exits(),
    spread: () => this.#spread(),
  };

  /** Plays one line; what it prints. */
  play(line: string): string {
    const [name = '', ...rest] = line.trim().split(/\s+/);
    const command = this.#commands[name];
    if (command === undefined)
      throw new Error(`no command "${name}"; there are ${Object.keys(this.#commands).join(', ')}`);
    const options = new Map(
      rest.filter((word) => word.includes('=')).map((word) => word.split('=') as [string, string]),
    );
    return command(
      rest.filter((word) => !word.includes('=')),
      options,
    );
  }

  get #there(): World {
    if (this.#world === undefined) throw new Error('begin with "pool limit=N"');
    return this.#world;
  }

  #pool(options: ReadonlyMap<string, string>): string {
    const steps = Array.from({ length: HOSTS }, (_, host) => ({ atMs: 0, ...started(host) }));
    const plan = {
      seed: Number(options.get('seed') ?? 1),
      maxInstances: Number(options.get('limit') ?? 3),
      bootstrap: 'all',
      conditions: { ...CALM, lossPerMille: Number(options.get('loss-per-mille') ?? 0) },
      chaosMs: DAY_MS,
      quietMs: DAY_MS,
      steps,
    } as const;
    this.#world = new World({ plan, checkers: CHECKERS });
    return '';
  }

  #start(words: readonly string[], options: ReadonlyMap<string, string>): string {
    const names = words.filter((word) => word !== 'standby');
    const replaces = options.get('replaces');
    const act = {
      standby: words.includes('standby'),
      offsetMs: milliseconds(options.get('clock') ?? '0s'),
      replaces: replaces === undefined ? null : hostOf(replaces),
    };
    return this.#each(names, (host) => ({ ...started(host), ...act }));
  }

  #restart(words: readonly string[], options: ReadonlyMap<string, string>): string {
    const disk = options.get('disk') === 'lost' ? 'lost' : 'kept';
    const names = words.filter((word) => word !== 'standby');
    return this.#each(names, (host) => ({ kind: 'restart', host, disk, standby: words.includes('standby') }));
  }

  #setLimit(maxInstances: number, options: ReadonlyMap<string, string>): string {
    const host = hostOf(options.get('at') ?? this.#there.live()[0]?.name ?? 'g0');
    const offsetMs = milliseconds(options.get('clock') ?? '0s');
    const expires = options.get('expires');
    perform(this.#there, {
      kind: 'set-limit',
      maxInstances,
      host,
      offsetMs,
      expiresInMs: expires === undefined ? null : milliseconds(expires),
    });
    return '';
  }

  #jobs(count: number, options: ReadonlyMap<string, string>): string {
    perform(this.#there, {
      kind: 'jobs',
      count,
      entry: hostOf(options.get('at') ?? 'g0'),
      spacingMs: milliseconds(options.get('every') ?? '15ms'),
      durationMs: milliseconds(options.get('for') ?? '60s'),
      twist: 'none',
    });
    return '';
  }

  #split(words: readonly string[]): string {
    const inside = new Set(words.map(hostOf));
    const outside = new Set(Array.from({ length: HOSTS }, (_, host) => host).filter((host) => !inside.has(host)));
    this.#heal = this.#there.cut([
      { from: inside, to: outside, mode: 'drop' },
      { from: outside, to: inside, mode: 'drop' },
    ]);
    return '';
  }

  #healNow(): string {
    this.#heal?.();
    return '';
  }

  #run(ms: number): string {
    this.#there.runUntil(this.#there.now() + ms);
    return '';
  }

  /** `within 2s g3 admitted`, `within 10s all agree`, `within 1s all limit 5`. */
  #within(time: string, condition: readonly string[]): string {
    const untilMs = this.#there.now() + milliseconds(time);
    while (!this.#holds(condition) && this.#there.now() < untilMs) this.#run(STEP_MS);
    return this.#holds(condition)
      ? `${condition.join(' ')} within ${time}`
      : `not within ${time}: ${condition.join(' ')}\n${this.#admission([])}`;
  }

  #holds([subject = '', ...state]: readonly string[]): boolean {
    const world = this.#there;
    if (subject === 'all' && state[0] === 'agree')
      return new Set(world.live().map((process) => this.#view(process))).size === 1;
    const of = subject === 'all' ? world.live() : [latest(world, subject)].flatMap((process) => process ?? []);
    if (of.length === 0) return false;
    if (state[0] === 'limit') return of.every(({ sight }) => sight.limit.maxInstances === Number(state[1]));
    if (state[0] === 'ended') return of.every(({ running }) => !running);
    return of.every(({ running, sight }) => running && sight.state === state[0]);
  }

  #admission(names: readonly string[]): string {
    const world = this.#there;
    const asked = names.length === 0 ? world.live() : names.flatMap((name) => latest(world, name) ?? []);
    const views = new Map<string, string[]>();
    for (const process of asked) {
      const view = this.#view(process);
      views.set(view, [...(views.get(view) ?? []), process.name]);
    }
    return [...views].map(([view, by]) => (views.size === 1 ? view : `${by.join(' ')} see:\n${view}`)).join('\n');
  }

  #view(process: SimProcess): string {
    const { admission, limit } = process.machine.view({ atMs: process.clock.atMs(this.#there.now()) });
    const { seatsHeld, maxInstances } = admission;
    const surplus = seatsHeld > maxInstances ? `: stop ${seatsHeld - maxInstances}` : '';
    const rows = admission.order.map(({ rank, name, state, seat }) => {
      const granted =
        seat === null ? '' : `, seat granted under limit ${seat.maxInstances} (version ${seat.limitVersion})`;
      return `  ${rank} ${name} ${state}${granted}`;
    });
    return [`${seatsHeld} running, limit ${maxInstances} (version ${limit.version})${surplus}`, ...rows].join('\n');
  }

  #exits(): string {
    const ended = this.#there.processes.filter(({ exit }) => exit !== null);
    return ended.map(({ name, exit }) => `${name}: exit ${exit?.code}, ${exit?.lines.at(-1)}`).join('\n');
  }

  /** How many jobs each instance was given so far. */
  #spread(): string {
    const counts = new Map<string, number>();
    for (const { runs } of this.#there.clients.jobs.values()) {
      for (const { process } of runs) counts.set(process.name, (counts.get(process.name) ?? 0) + 1);
    }
    return [...counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `${name}: ${count}`)
      .join('\n');
  }

  #each(names: readonly string[], act: (host: number) => Act): string {
    for (const name of names) perform(this.#there, act(hostOf(name)));
    return '';
  }
}

function started(host: number): Extract<Act, { kind: 'start' }> {
  return { kind: 'start', host, standby: false, offsetMs: 0, driftPpm: 0, replaces: null };
}

function hostOf(name: string): number {
  if (!/^g\d+$/.test(name)) throw new Error(`"${name}" is no instance: they are called g0, g1, …`);
  return Number(name.slice(1));
}

function latest(world: World, name: string): SimProcess | undefined {
  return world.processes.findLast((process) => process.name === name);
}

/** `250ms`, `5s`, `-1h`. */
function milliseconds(text: string): number {
  const [, value, unit] = /^([+-]?[\d.]+)(ms|s|m|h)$/.exec(text) ?? [];
  const factor = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit ?? ''];
  if (value === undefined || factor === undefined) throw new Error(`"${text}" is no time: write 250ms, 5s, 2m or -1h`);
  return Number(value) * factor;
}
