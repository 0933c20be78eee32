import { assert } from '../base/assert.ts';
import type { Note } from '../core/index.ts';
import { EVENTS_MAX } from './bounds.ts';

/** A note with the wall-clock time at which it was taken. */
export interface TimedNote extends Note {
  readonly atUnixMs: number;
}

/** The latest events of this instance. Holds a bounded number; a full list drops its oldest. */
export interface EventList {
  add(note: Note, atUnixMs: number): void;
  /** The newest `most` events, oldest first. */
  latest(most: number): readonly TimedNote[];
}

/** An empty list that keeps `max` events. */
export function createEventList(max: number = EVENTS_MAX): EventList {
  assert(Number.isSafeInteger(max) && max > 0, `an event list keeps at least one event, got ${max}`);
  const kept: TimedNote[] = [];
  let oldest = 0;
  return {
    add(note, atUnixMs) {
      const timed = { ...note, atUnixMs };
      if (kept.length < max) {
        kept.push(timed);
        return;
      }
      kept[oldest] = timed;
      oldest = (oldest + 1) % max;
    },
    latest(most) {
      const ordered = [...kept.slice(oldest), ...kept.slice(0, oldest)];
      return most <= 0 ? [] : ordered.slice(-most);
    },
  };
}
