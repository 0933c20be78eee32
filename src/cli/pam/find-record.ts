import { setTimeout as delay } from 'node:timers/promises';
import type { AccessClient } from '../../access/client/index.ts';
import { GatewayError } from '../../base/errors.ts';
import type { Profile } from '../../config/index.ts';
import { NAME_LENGTH_MAX, RECORDS_MAX } from '../../wire/bounds.ts';
import type { JobKind } from '../../wire/job.ts';
import { RECORD_ID_LENGTH, type TargetRecord } from '../../wire/record.ts';
import { parseText } from '../frame/flags.ts';

/** A record that was added through another instance a moment ago is looked for this long: gossip carries it in a fraction of that. */
const ARRIVES_MS = 1_000;
const LOOK_MS = 100;
/** Candidates named in an error. */
const CANDIDATES_SHOWN = 10;

/** All targets the caller may see, or those with this id or title. Rules of discovery are records too, and no targets. */
export async function listRecords(
  client: AccessClient,
  match: string | null,
  signal: AbortSignal,
): Promise<readonly TargetRecord[]> {
  return (await listEverything(client, match, signal)).filter(({ type }) => type !== 'rule');
}

/** The same with the rules of discovery. */
export async function listEverything(
  client: AccessClient,
  match: string | null,
  signal: AbortSignal,
): Promise<readonly TargetRecord[]> {
  const records: TargetRecord[] = [];
  let next: string | null = null;
  do {
    const page: { readonly records: readonly TargetRecord[]; readonly next: string | null } = await client.request(
      { kind: 'list-records', match, after: next },
      'records',
      signal,
    );
    records.push(...page.records);
    next = page.next;
  } while (next !== null && records.length <= RECORDS_MAX);
  return records;
}

/** The one record meant by an id or a unique title; throws `not-found` with the candidates. */
export async function findRecord(client: AccessClient, named: string, signal: AbortSignal): Promise<TargetRecord> {
  const match = parseText(named, { flag: 'RECORD', max: NAME_LENGTH_MAX });
  const found = await lookRepeatedly(client, match, signal);
  const byId = found.find(({ recordId }) => recordId === match);
  const [only] = found;
  if (byId !== undefined) return byId;
  if (only !== undefined && found.length === 1) return only;
  if (found.length > 1) throw ambiguous(named, found);
  throw unknown(named, await listRecords(client, null, signal));
}

/**
 * The record for a job of this kind. A user does not see what is not granted, and is told so rather than that it does not exist: throws `not-allowed`
 * with the missing permission, whether there is such a record or not.
 */
export async function findRecordFor(
  { client, profile }: { readonly client: AccessClient; readonly profile: Pick<Profile, 'role' | 'name'> },
  { named, kind }: { readonly named: string; readonly kind: JobKind },
  signal: AbortSignal,
): Promise<TargetRecord> {
  try {
    return await findRecord(client, named, signal);
  } catch (cause) {
    if (profile.role !== 'user' || !(cause instanceof GatewayError) || cause.code !== 'not-found') throw cause;
    const message = `${cause.message}, or the grant of ${profile.name} lacks ${kind}:${named}`;
    throw new GatewayError('not-allowed', message, {
      cause,
      ...(cause.remedy === undefined ? {} : { remedy: cause.remedy }),
    });
  }
}

async function lookRepeatedly(
  client: AccessClient,
  match: string,
  signal: AbortSignal,
): Promise<readonly TargetRecord[]> {
  const untilMs = performance.now() + ARRIVES_MS;
  for (;;) {
    const found = await listRecords(client, match, signal);
    if (found.length > 0 || performance.now() >= untilMs) return found;
    await delay(LOOK_MS, undefined, { signal });
  }
}

function ambiguous(named: string, found: readonly TargetRecord[]): GatewayError {
  return new GatewayError('not-found', `${found.length} records are called "${named}"`, {
    remedy: `Name one by its id:\n${formatCandidates(found)}`,
  });
}

function unknown(named: string, all: readonly TargetRecord[]): GatewayError {
  const near = all.filter(({ title, recordId }) => isNear(title, named) || recordId.startsWith(named));
  const remedy =
    all.length === 0
      ? 'There are none yet that you may see: pam record add --type machine --title T --host H --port P makes one.'
      : `${near.length > 0 ? 'Did you mean' : 'There are'}:\n${formatCandidates(near.length > 0 ? near : all)}`;
  return new GatewayError('not-found', `Record "${named}" not found`, { remedy });
}

/** One text holds the other, whatever the case. */
function isNear(title: string, named: string): boolean {
  const [left, right] = [title.toLowerCase(), named.toLowerCase()];
  return left.includes(right) || right.includes(left);
}

function formatCandidates(records: readonly TargetRecord[]): string {
  const shown = records
    .slice(0, CANDIDATES_SHOWN)
    .map(({ recordId, title }) => `  ${recordId.padEnd(RECORD_ID_LENGTH)}  ${title}`);
  const more = records.length - shown.length;
  return [...shown, ...(more > 0 ? [`  and ${more} more: pam record list`] : [])].join('\n');
}
