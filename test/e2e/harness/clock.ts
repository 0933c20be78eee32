/** A wrong clock for one process. Only its wall clock is wrong: the machine and the time that passes are not. */

/** Replaces the wall clock; everything else of `Date` stays. */
const PRELOAD = `
const offsetMs = Number(process.env.TEST_CLOCK_OFFSET_MS);
const Real = Date;
globalThis.Date = class Date extends Real {
  constructor(...args) {
    if (args.length === 0) super(Real.now() + offsetMs);
    else super(...args);
  }
  static now() {
    return Real.now() + offsetMs;
  }
};
`;

/** The environment of a process whose clock is ahead by so much, or behind where it is negative. */
export function clockAhead(offsetMs: number): Readonly<Record<string, string>> {
  const preload = `data:text/javascript,${encodeURIComponent(PRELOAD)}`;
  return { NODE_OPTIONS: `--import=${preload}`, TEST_CLOCK_OFFSET_MS: String(offsetMs) };
}
