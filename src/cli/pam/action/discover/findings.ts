/** Pure: what a discovery found, as JSON and as a table. What comes from the worker is untrusted. */
import { z } from 'zod';
import { GatewayError } from '../../../../base/errors.ts';
import { formatTable } from '../../../frame/table.ts';
import type { Style } from '../../../frame/terminal.ts';
import { printable } from '../../../frame/text.ts';

const line = z.string().max(500);
const known = z.object({
  host: line,
  port: z.int(),
  service: line,
  version: line.nullable(),
  hostKey: line.nullable(),
  /** The login name, where it is about an account. */
  account: line.nullable().default(null),
});
const account = z.object({
  login: line,
  distinguishedName: line.nullable(),
  /** It may do everything there, or become who may. */
  admin: z.boolean(),
  /** It can log in. */
  active: z.boolean(),
  /** What else was learnt, for people. */
  detail: line,
});
const findings = z.object({
  found: z.array(
    known.extend({
      banner: line,
      system: line.nullable(),
      certificate: z.object({ subject: line, issuer: line, validTo: line, sha256: line }).nullable(),
      accounts: z.array(account),
      databases: z.array(line).default([]),
      machines: z.array(z.object({ host: line, system: line.nullable() })).default([]),
    }),
  ),
  delta: z.object({ added: z.array(known), changed: z.array(known), gone: z.array(known) }),
  /** The earlier discovery of the same range that the delta is against. */
  since: line.nullable(),
  hostsUp: z.int(),
  tried: z.int(),
  seconds: z.number(),
  cut: z.boolean(),
  /** The record whose credential it logged in with. */
  record: line.nullable().default(null),
  /** How many parts the range was cut into; 1: none. */
  parts: z.int().default(1),
  /** What could not be seen, or was left out. */
  notes: z.array(line).default([]),
});

/** What was found. */
export type Findings = z.infer<typeof findings>;
/** One service. */
export type FoundService = Findings['found'][number];
/** One account that a discovery with a credential has seen. */
export type FoundAccount = z.infer<typeof account>;

/** Nothing. */
export const NOTHING_FOUND: Findings = {
  found: [],
  delta: { added: [], changed: [], gone: [] },
  since: null,
  hostsUp: 0,
  tried: 0,
  seconds: 0,
  cut: false,
  record: null,
  parts: 1,
  notes: [],
};

/** Checks a worker's output; none is nothing found. Throws `bad-message`. */
export function readFindings(output: unknown): Findings {
  if (output === null) return NOTHING_FOUND;
  const read = findings.safeParse(output);
  if (read.success) return read.data;
  throw new GatewayError('bad-message', "the worker's output has another form than this version knows", {
    cause: read.error,
  });
}

/** The table, and what has changed since the last time. */
export function renderFindings(
  found: Findings,
  { palette, width }: Pick<Style, 'palette' | 'width'>,
): readonly string[] {
  const { delta, since, hostsUp, tried, seconds } = found;
  const changes = `since ${since}: ${delta.added.length} added, ${delta.changed.length} changed, ${delta.gone.length} gone`;
  const last = since === null ? [] : [changes];
  if (found.record !== null) return [...renderInventory(found, { palette, width }), ...last];
  const summary = `${found.found.length} services on ${hostsUp} hosts; ${tried} connects in ${seconds.toFixed(1)} s`;
  const table = formatTable({
    width,
    paintTitle: palette.faint,
    columns: [
      { title: 'HOST' },
      { title: 'PORT', align: 'right' },
      { title: 'SERVICE' },
      { title: 'VERSION', cutTo: 12, dropOrder: 3 },
      { title: 'BANNER', cutTo: 12, dropOrder: 4 },
      { title: 'CHANGE', dropOrder: 2 },
    ],
    rows: found.found.map(({ host, port, service, version, banner }) => [
      host,
      String(port),
      service,
      version ?? '–',
      banner,
      markOf(found, { host, port, account: null }),
    ]),
  });
  const gone = delta.gone.map(({ host, port, service }) => `gone: ${host}:${port} ${service}`);
  return [...(found.found.length === 0 ? [] : table), ...gone, ...found.notes.map(printable), summary, ...last];
}

/** What a discovery with a credential has seen at one target. */
function renderInventory(findings: Findings, { palette, width }: Pick<Style, 'palette' | 'width'>): readonly string[] {
  const [service] = findings.found;
  if (service === undefined) return findings.notes;
  const { host, port, accounts, databases, machines, version, system } = service;
  const table = formatTable({
    width,
    paintTitle: palette.faint,
    columns: [
      { title: 'ACCOUNT', cutTo: 12 },
      { title: 'ADMIN' },
      { title: 'ACTIVE' },
      { title: 'DETAIL', cutTo: 20, dropOrder: 3 },
      { title: 'CHANGE', dropOrder: 2 },
    ],
    rows: accounts.map(({ login, admin, active, detail }) => [
      login,
      admin ? 'yes' : 'no',
      active ? 'yes' : 'no',
      detail,
      markOf(findings, { host, port, account: login }),
    ]),
  });
  const gone = findings.delta.gone.flatMap(({ account }) => (account === null ? [] : [`gone: ${account}`]));
  const about = [service.service, version, system].filter((text) => text !== null).join(', ');
  return [
    ...(accounts.length === 0 ? [] : table),
    ...gone,
    ...(databases.length === 0 ? [] : [`databases: ${databases.join(', ')}`]),
    ...machines.map((one) => `machine: ${one.host}${one.system === null ? '' : ` (${one.system})`}`),
    ...findings.notes,
    `${accounts.length} accounts at ${host}:${port} (${about})`,
  ].map(printable);
}

/** What happened to it since the last time. */
function markOf(
  { delta, since }: Findings,
  { host, port, account }: { readonly host: string; readonly port: number; readonly account: string | null },
): string {
  if (since === null) return '–';
  const isIn = (list: Findings['delta']['added']): boolean =>
    list.some((one) => one.host === host && one.port === port && one.account === account);
  return isIn(delta.added) ? 'added' : isIn(delta.changed) ? 'changed' : '';
}
