/** Pure: what differs between two discoveries of one range, or of one record. */

/** As much of a service, or of an account on it, as tells whether it is the same one. */
export interface Known {
  readonly host: string;
  readonly port: number;
  readonly service: string;
  readonly version: string | null;
  readonly hostKey: string | null;
  /** Login name of an account; its `version` says what is known of it. Null, or missing in older outputs: a service. */
  readonly account?: string | null;
}

/** What an output lists: each service, and each account on it. */
export interface Listed extends Known {
  readonly accounts?: readonly {
    readonly login: string;
    readonly admin: boolean;
    readonly active: boolean;
    readonly detail: string;
  }[];
}

/** All that can be compared with another run. */
export function knownsOf(found: readonly Listed[]): readonly Known[] {
  return found.flatMap((service) => [
    service,
    ...(service.accounts ?? []).map(({ login, admin, active, detail }) => ({
      ...service,
      version: `${admin ? 'admin, ' : ''}${active ? '' : 'inactive, '}${detail}`,
      account: login,
    })),
  ]);
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

function keyOf({ host, port, account = null }: Known): string {
  return JSON.stringify([host, port, account]);
}

function known({ host, port, service, version, hostKey, account = null }: Known): Known {
  return { host, port, service, version, hostKey, account };
}
