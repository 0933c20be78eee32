import type { Credential } from '../../../vault/index.ts';
import type { Account } from '../../rotation/target.ts';

/** Somebody who can log in at a target. */
export interface FoundAccount {
  readonly login: string;
  /** Of a directory: what it is really called there. */
  readonly distinguishedName: string | null;
  /** It may do everything there, or become who may. */
  readonly admin: boolean;
  /** It is neither locked nor expired. */
  readonly active: boolean;
  /** What else was learnt, for people: one line. */
  readonly detail: string;
}

/** What a target tells whoever is logged in. Never a secret, nor what a secret is checked by. */
export interface Inventory {
  readonly version: string | null;
  readonly system: string | null;
  readonly accounts: readonly FoundAccount[];
  readonly databases: readonly string[];
  /** Computers that a directory knows. */
  readonly machines: readonly { readonly host: string; readonly system: string | null }[];
  /** What could not be seen, or was left out. */
  readonly notes: readonly string[];
}

/** A login at a target, to look around. */
export interface Look {
  readonly account: Account;
  readonly credential: Credential;
  readonly signal: AbortSignal;
}

/** Accounts, databases or machines of one target. Beyond it the rest is left out, and a note says so. */
export const LISTED_MAX = 5000;
/** Longest that looking around one target may take. */
export const LOOK_MS = 60_000;

/** Remote text as one printable line. */
export function plain(text: unknown, max = 200): string {
  return String(text ?? '')
    .replace(/[^\x20-\x7e\u00a0-\uffff]+/g, ' ')
    .trim()
    .slice(0, max);
}

/** The facts that there are, joined for people. */
export function detailOf(facts: readonly (string | false | null | undefined)[]): string {
  return plain(facts.filter((fact) => typeof fact === 'string' && fact !== '').join(', '), 400);
}

/** The first `LISTED_MAX`, and a note where there were more. */
export function listed<T>(
  all: readonly T[],
  what: string,
): { readonly kept: readonly T[]; readonly notes: readonly string[] } {
  if (all.length <= LISTED_MAX) return { kept: all, notes: [] };
  return { kept: all.slice(0, LISTED_MAX), notes: [`more than ${LISTED_MAX} ${what}; the rest is left out`] };
}
