/** Pure: what becomes of a candidate. */
import { type DiscoveryRule, firstMatch } from '../../../../../wire/discovery-rule.ts';
import type { TargetRecord } from '../../../../../wire/record.ts';
import type { Candidate } from './candidates.ts';

/** What becomes of it, and by which rule. */
export type Decision =
  /** It is a record already. */
  | { readonly kind: 'known'; readonly record: TargetRecord }
  | { readonly kind: 'add' | 'ignore' | 'prompt'; readonly rule: DiscoveryRule | null };

/** The records of the pool, and those that are added meanwhile. */
export class KnownRecords {
  readonly #byPlace = new Map<string, TargetRecord[]>();
  readonly #titles = new Set<string>();

  /** Begins with what the pool has. */
  constructor(records: readonly TargetRecord[]) {
    for (const record of records) this.add(record);
  }

  /** One more. */
  add(record: TargetRecord): void {
    this.#titles.add(record.title);
    const key = placeKey(record);
    const here = this.#byPlace.get(key) ?? [];
    here.push(record);
    this.#byPlace.set(key, here);
  }

  /** The record that this candidate would be a second one of: of the same place and, for an account, of the same login name. */
  find({ type, host, port, user }: Candidate): TargetRecord | undefined {
    const here = this.#byPlace.get(placeKey({ host, port })) ?? [];
    return here.find((record) => (type === 'user' ? record.user === user : record.type !== 'user'));
  }

  /** The machine, database or directory at the candidate's place, which an account is on: of several the one that was logged in at. */
  parentOf({ host, port }: Pick<Candidate, 'host' | 'port'>, seenBy: string | null): TargetRecord | undefined {
    const here = (this.#byPlace.get(placeKey({ host, port })) ?? []).filter(({ type }) => type !== 'user');
    return here.find(({ recordId }) => recordId === seenBy) ?? here[0];
  }

  /** The title, or the first free one with a number: two records of one title could only be named by their ids. */
  freeTitle(title: string): string {
    if (!this.#titles.has(title)) return title;
    let number = 2;
    while (this.#titles.has(`${title}-${number}`)) number += 1;
    return `${title}-${number}`;
  }
}

/** By the first rule that matches; without one a person is asked, or `addAll` says yes to what is recognised. */
export function decide(
  candidate: Candidate,
  {
    known,
    rules,
    addAll,
  }: { readonly known: KnownRecords; readonly rules: readonly DiscoveryRule[]; readonly addAll: boolean },
): Decision {
  const record = known.find(candidate);
  if (record !== undefined) return { kind: 'known', record };
  const rule = firstMatch(rules, candidate.facts);
  if (rule !== undefined && rule.action !== 'prompt') return { kind: rule.action, rule };
  return { kind: addAll && rule === undefined && !candidate.isDoubtful ? 'add' : 'prompt', rule: rule ?? null };
}

function placeKey({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.toLowerCase()} ${port}`;
}
