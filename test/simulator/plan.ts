import type { Conditions } from './conditions.ts';
import type { CutMode } from './partitions.ts';

/**
 * One simulated life of a pool, as data: everything that is done to it and when. A plan is drawn from a seed, printed when it fails, and shrunk by
 * leaving steps out; a step that makes no sense any more (its host is not running) does nothing.
 */
export interface Plan {
  readonly seed: number;
  /** Of the configuration's limit. */
  readonly maxInstances: number;
  /** Hosts whose addresses stand in the configuration: all of them unless named otherwise. */
  readonly bootstrap: 'all' | 'first';
  readonly conditions: Conditions;
  /** Longest time until a dialled connection is up. */
  readonly dialMs?: number;
  /** Chaos ends here: the network heals, hostile members go, what is frozen thaws. */
  readonly chaosMs: number;
  /** The record has a schedule with this period. */
  readonly everySeconds?: number;
  readonly quietMs: number;
  readonly steps: readonly Step[];
}

/** Something done to the pool at a moment of simulated time. Hosts are numbers from 0. */
export type Step = { readonly atMs: number } & Act;

/** What can be done. */
export type Act =
  | {
      readonly kind: 'start';
      readonly host: number;
      readonly standby: boolean;
      readonly offsetMs: number;
      readonly driftPpm: number;
      /** The host whose instance it replaces. */
      readonly replaces: number | null;
    }
  | { readonly kind: 'drain'; readonly host: number }
  | { readonly kind: 'leave'; readonly host: number }
  /** Loud: the kernel closes its connections; silent: the machine is gone. With `atWrite` it happens while the next write is under way. */
  | { readonly kind: 'crash'; readonly host: number; readonly loud: boolean; readonly atWrite: boolean }
  | { readonly kind: 'restart'; readonly host: number; readonly disk: 'kept' | 'lost'; readonly standby: boolean }
  | { readonly kind: 'pause'; readonly host: number; readonly forMs: number; readonly timersFirst: boolean }
  | {
      readonly kind: 'partition';
      readonly side: readonly number[];
      /** From whom they are cut off: everybody else unless named. */
      readonly others?: readonly number[];
      readonly oneWay: boolean;
      readonly mode: CutMode;
      readonly forMs: number;
    }
  | { readonly kind: 'clock-jump'; readonly host: number; readonly byMs: number }
  | { readonly kind: 'disk-failure'; readonly host: number; readonly forMs: number }
  /** The data directory of a host is copied to another one and started there. */
  | { readonly kind: 'copy-data-directory'; readonly host: number; readonly to: number }
  | {
      readonly kind: 'set-limit';
      readonly maxInstances: number;
      readonly host: number;
      readonly expiresInMs: number | null;
      /** How far the admin's clock is off. */
      readonly offsetMs: number;
    }
  /** Two limits of one version, offered on two hosts. */
  | {
      readonly kind: 'equivocate';
      readonly left: number;
      readonly right: number;
      readonly hosts: readonly [number, number];
    }
  | { readonly kind: 'hostile'; readonly host: number; readonly acts: readonly HostileAct[]; readonly forMs: number }
  | {
      readonly kind: 'jobs';
      readonly entry: number;
      readonly count: number;
      readonly spacingMs: number;
      readonly durationMs: number;
      /** Sends each request twice, or to another instance than the one it names; cancels it. */
      readonly twist: 'none' | 'duplicate' | 'reroute' | 'cancel';
    };

/** What a hostile member does, over and over. */
export const HOSTILE_ACTS = [
  'forged-record',
  'forged-limit',
  'replayed-limit',
  'early-stamp',
  'lying-load',
  'false-accusation',
  'replayed-gossip',
  'noise',
] as const;
/** One of the things a hostile member does. */
export type HostileAct = (typeof HOSTILE_ACTS)[number];

/** Hosts a plan names: the pool never has more. */
export function hostsOf(plan: Plan): readonly number[] {
  const hosts = new Set<number>();
  for (const step of plan.steps) {
    if (step.kind === 'start') hosts.add(step.host);
    if (step.kind === 'copy-data-directory') hosts.add(step.to);
  }
  return [...hosts].sort((a, b) => a - b);
}

/** One line per step, for people. */
export function formatStep({ atMs, kind, ...rest }: Step): string {
  const values = Object.entries(rest).map(
    ([name, value]) => `${name}=${Array.isArray(value) ? value.join(',') : String(value)}`,
  );
  return `${(atMs / 1000).toFixed(3).padStart(8)} s  ${kind} ${values.join(' ')}`;
}
