/** Pure: what differs between two discoveries of one range. */

/** As much of a service as tells whether it is the same one. */
export interface Known {
  readonly host: string;
  readonly port: number;
  readonly service: string;
  readonly version: string | null;
  readonly hostKey: string | null;
}

/** Services by what happened to them. */
export interface Delta {
  readonly added: readonly Known[];
  /** Something else listens there, or another version of it, or it shows another key. */
  readonly changed: readonly Known[];
  readonly gone: readonly Known[];
}

/** From an earlier run to a later one. */
export function compareRuns(before: readonly Known[], after: readonly Known[]): Delta {
  const old = new Map(before.map((one) => [keyOf(one), one]));
  const now = new Map(after.map((one) => [keyOf(one), one]));
  return {
    added: after.filter((one) => !old.has(keyOf(one))).map(known),
    changed: after.filter((one) => isChanged(old.get(keyOf(one)), one)).map(known),
    gone: before.filter((one) => !now.has(keyOf(one))).map(known),
  };
}

function isChanged(before: Known | undefined, after: Known): boolean {
  if (before === undefined) return false;
  return before.service !== after.service || before.version !== after.version || before.hostKey !== after.hostKey;
}

function keyOf({ host, port }: Known): string {
  return `${host} ${port}`;
}

function known({ host, port, service, version, hostKey }: Known): Known {
  return { host, port, service, version, hostKey };
}
