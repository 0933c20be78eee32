import { performance } from 'node:perf_hooks';
import type { Command } from 'commander';
import type { AccessClient } from '../../../access/client/index.ts';
import { ExitCode, GatewayError } from '../../../base/errors.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { ExitWith } from '../../frame/run-program.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { formatId, printable } from '../../frame/text.ts';
import { addProfileOptions, clientInit, openProfile, type ProfileOptions } from '../connection.ts';
import { findRecordFor } from '../find-record.ts';
import { countRunning, liveMembers, readPool } from '../pool-view.ts';
import { formatTarget } from '../record/record-report.ts';

interface DiagnoseOptions extends ProfileOptions {
  readonly verbose?: boolean;
}

/** One step of the way from this machine to the target. */
export interface Check {
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly remedy: string | null;
  readonly elapsedMs: number;
}

/** A difference of clocks from which certificates, grants and deadlines begin to suffer. */
const CLOCK_OFFSET_MS_MAX = 30_000;

/** `pam tunnel diagnose [RECORD]`: walks the way step by step and says where it ends. */
export function diagnoseCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'diagnose',
    summary: 'check every step of the way: profile, instance, pool, record, target',
    examples: ['pam tunnel diagnose', 'pam tunnel diagnose web-1'],
  });
  return addProfileOptions(command)
    .argument('[record]', 'id or unique title')
    .action((named: string | undefined, options: DiagnoseOptions) => diagnose(terminal, named, options));
}

async function diagnose(terminal: Terminal, named: string | undefined, options: DiagnoseOptions): Promise<void> {
  const checks: Check[] = [];
  const { palette } = terminal.style();
  for await (const check of walk(terminal, named, options)) {
    checks.push(check);
    if (options.json === true) continue;
    const mark = check.ok ? palette.good('ok  ') : palette.bad('FAIL');
    terminal.print(
      `${mark}  ${check.check.padEnd(10)}${printable(check.detail)}  ${palette.faint(`${check.elapsedMs}ms`)}`,
    );
    if (check.remedy !== null) terminal.print(`      ${check.remedy}`);
  }
  const ok = checks.every((check) => check.ok);
  if (options.json === true) terminal.printJson({ ok, checks });
  if (!ok) throw new ExitWith(ExitCode.failed);
}

/** Each step needs the one before it: the walk ends at the first that fails. */
async function* walk(terminal: Terminal, named: string | undefined, options: ProfileOptions): AsyncGenerator<Check> {
  const { signal } = terminal;
  const opened = await attempt('profile', async () => {
    const profile = await openProfile(terminal, options);
    return {
      value: profile,
      detail: `${profile.name}, ${profile.role} of ${profile.gateway.name}, ${profile.addresses.length} addresses`,
    };
  });
  yield opened.check;
  if (opened.value === undefined) return;
  const profile = opened.value;
  const { connectAccess, startTunnel } = await import('../../../access/client/index.ts');
  const reached = await attempt('instance', async () => {
    const client = await connectAccess(clientInit(profile), signal);
    const { instanceId } = await client.welcome(signal);
    return { value: client, detail: `${formatId(instanceId, true)} lets this key in` };
  });
  yield reached.check;
  const client = reached.value;
  if (client === undefined) return;
  try {
    yield (await attempt('clock', () => compareClocks(client, signal))).check;
    const pool = await attempt('pool', () => lookAtPool(client, signal));
    yield pool.check;
    if (named === undefined || pool.value === undefined) return;
    const record = await attempt('record', async () => {
      const found = await findRecordFor({ client, profile }, { named, kind: 'tunnel' }, signal);
      return { value: found, detail: `${found.title}: ${found.protocol} at ${formatTarget(found)}` };
    });
    yield record.check;
    if (record.value === undefined) return;
    const { recordId } = record.value;
    const { probeTarget } = await import('./probe-target.ts');
    yield (await attempt('target', () => probeTarget({ client, recordId, startTunnel, signal }))).check;
  } finally {
    await client.stop();
  }
}

async function compareClocks(
  client: AccessClient,
  signal: AbortSignal,
): Promise<{ readonly value: number; readonly detail: string }> {
  const offsetMs = (await client.welcome(signal)).unixMs - Date.now();
  if (Math.abs(offsetMs) <= CLOCK_OFFSET_MS_MAX)
    return { value: offsetMs, detail: `within ${Math.ceil(Math.abs(offsetMs) / 1000)} s of the instance's` };
  throw new GatewayError(
    'clock-wrong',
    `the instance's clock is ${Math.round(offsetMs / 1000)} s ahead of this machine's`,
    {
      remedy: 'Set both by NTP: grants and deadlines depend on it.',
    },
  );
}

async function lookAtPool(
  client: AccessClient,
  signal: AbortSignal,
): Promise<{ readonly value: true; readonly detail: string }> {
  const pool = await readPool(client, signal);
  const serving = liveMembers(pool).filter(({ state }) => state === 'admitted');
  if (serving.length === 0)
    throw new GatewayError('no-worker', 'no instance is admitted: nobody takes jobs', {
      remedy: 'pam gateway list shows why.',
    });
  return { value: true, detail: `${serving.length} serving, ${countRunning(pool)} of ${pool.maxInstances} seats held` };
}

async function attempt<T>(
  check: string,
  work: () => Promise<{ readonly value: T; readonly detail: string }>,
): Promise<{ readonly value: T | undefined; readonly check: Check }> {
  const beganAtMs = performance.now();
  const elapsed = (): number => Math.round(performance.now() - beganAtMs);
  try {
    const { value, detail } = await work();
    return { value, check: { check, ok: true, detail, remedy: null, elapsedMs: elapsed() } };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const detail = `${error.code}: ${error.message}`;
    return {
      value: undefined,
      check: { check, ok: false, detail, remedy: error.remedy ?? null, elapsedMs: elapsed() },
    };
  }
}
