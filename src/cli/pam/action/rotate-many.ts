/** Rotating several records: one job each, a few at a time, and a summary. */
import type { AccessClient } from '../../../access/client/index.ts';
import { compareText } from '../../../base/bytes.ts';
import { GatewayError } from '../../../base/errors.ts';
import type { Failure, JobState, Parameter } from '../../../wire/job.ts';
import type { TargetRecord } from '../../../wire/record.ts';
import { parseLabel } from '../../frame/flags.ts';
import { formatTable } from '../../frame/table.ts';
import type { Style, Terminal } from '../../frame/terminal.ts';
import { findRecord, listRecords } from '../find-record.ts';
import { awaitJob } from './await-job.ts';

/** Which records: all conditions together. */
export interface Selection {
  /** `KEY=VALUE`. */
  readonly label: readonly string[];
  /** The machine, database or directory that the accounts are on. */
  readonly on?: string | undefined;
}

/** What is done with each. */
export interface RotateMany {
  readonly selection: Selection;
  readonly parameters: readonly Parameter[];
  /** Until each has ended. */
  readonly wait: boolean;
}

/** What became of one record. */
export interface RotationResult {
  readonly record: string;
  readonly title: string;
  /** Null: the job was refused. */
  readonly jobId: string | null;
  readonly state: JobState | 'refused';
  readonly error: Failure | null;
}

/** Jobs at a time: a gateway has other work, and targets that share a server are spared. */
const AT_ONCE = 4;

/** Rotates them; one that fails keeps none of the others from it. Throws `not-found` where there are none. */
export async function rotateMany(
  client: AccessClient,
  { selection, parameters, wait }: RotateMany,
  terminal: Terminal,
): Promise<readonly RotationResult[]> {
  const waiting = [...(await selectRecords(client, selection, terminal.signal))];
  const results: RotationResult[] = [];
  const work = async (): Promise<void> => {
    for (let record = waiting.shift(); record !== undefined; record = waiting.shift())
      results.push(await rotateOne(client, { record, parameters, wait }, terminal));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results.sort((a, b) => compareText(a.title, b.title) || compareText(a.record, b.record));
}

/** Throws when one of them was refused or has ended otherwise than well. */
export function assertAllWell(results: readonly RotationResult[]): void {
  const failed = results.filter(({ error }) => error !== null);
  const [first] = failed;
  if (first === undefined || first.error === null) return;
  throw new GatewayError(
    first.error.code,
    `${failed.length} of ${results.length} rotations failed; the first is "${first.title}": ${first.error.message}`,
  );
}

/** The table, and how many. */
export function renderMany(results: readonly RotationResult[], { palette, width }: Style): readonly string[] {
  const failed = results.filter(({ error }) => error !== null).length;
  const table = formatTable({
    width,
    paintTitle: palette.faint,
    columns: [
      { title: 'TITLE', cutTo: 8 },
      { title: 'JOB' },
      { title: 'STATE' },
      { title: 'ERROR', cutTo: 20, dropOrder: 1 },
    ],
    rows: results.map(({ title, jobId, state, error }) => [title, jobId ?? '–', state, error?.message ?? '–']),
  });
  return [...table, `${results.length - failed} of ${results.length} in order`];
}

async function selectRecords(
  client: AccessClient,
  { label, on }: Selection,
  signal: AbortSignal,
): Promise<readonly TargetRecord[]> {
  const wanted = label.map((text) => parseLabel(text, '--label'));
  const parent = on === undefined ? undefined : await findRecord(client, on, signal);
  const found = (await listRecords(client, null, signal)).filter(
    ({ labels, parentId }) =>
      (parent === undefined || parentId === parent.recordId) &&
      wanted.every(({ key, value }) => labels.some((one) => one.key === key && one.value === value)),
  );
  if (found.length > 0) return found;
  throw new GatewayError('not-found', 'no record that you may see has these labels and is there', {
    remedy: 'pam record list shows labels; pam record edit sets them.',
  });
}

async function rotateOne(
  client: AccessClient,
  { record, parameters, wait }: Omit<RotateMany, 'selection'> & { readonly record: TargetRecord },
  terminal: Terminal,
): Promise<RotationResult> {
  const { recordId, title } = record;
  let jobId: string | null = null;
  try {
    const accepted = await client.submit({ kind: 'rotation', recordId, parameters }, terminal.signal);
    jobId = accepted.jobId;
    const { state, error } = wait ? await awaitJob(client, jobId, terminal) : accepted.notice;
    const unknown = state === 'lost' ? { code: 'outcome-unknown' as const, message: `job ${jobId} is lost` } : null;
    return { record: recordId, title, jobId, state, error: error ?? unknown };
  } catch (cause) {
    if (!(cause instanceof GatewayError) || terminal.signal.aborted) throw cause;
    const error = { code: cause.code, message: cause.message };
    return { record: recordId, title, jobId, state: jobId === null ? 'refused' : 'lost', error };
  }
}
