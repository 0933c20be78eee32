import { type Command, Option } from 'commander';
import { GatewayError } from '../../../../base/errors.ts';
import { NAME_LENGTH_MAX } from '../../../../wire/bounds.ts';
import { onwardJobId } from '../../../../wire/discovery-onward.ts';
import { partsOf, readScope, type Scope, ScopeParameter, scopeId } from '../../../../wire/discovery-scope.ts';
import type { JobNotice, Parameter } from '../../../../wire/job.ts';
import { defineCommand } from '../../../frame/command-tree.ts';
import { collect, missingFlag, parseText } from '../../../frame/flags.ts';
import type { Terminal } from '../../../frame/terminal.ts';
import { addProfileOptions, type Connected, type ProfileOptions, withClient } from '../../connection.ts';
import { findRecordFor } from '../../find-record.ts';
import { assertSucceeded, awaitJob } from '../await-job.ts';
import { readOutput } from '../job-output.ts';
import { type Findings, readFindings, renderFindings } from './findings.ts';
import { beginParts, partsAtOnce, runParts } from './parts/run-parts.ts';

interface StartOptions extends ProfileOptions {
  readonly target: readonly string[];
  readonly record?: string;
  readonly ports?: string;
  readonly rate?: string;
  readonly wait?: boolean;
}

const EXAMPLE = 'pam action discover start --target 10.0.0.0/24 --ports common --wait';
/** A discovery whose worker is lost begins anew elsewhere so often. */
const TRIES_MAX = 3;

/** `pam action discover start`: looks at a range. */
export function startDiscoveryCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'start',
    summary: 'look at addresses and ports and name what listens there, or at the accounts of a record',
    examples: [
      EXAMPLE,
      'pam action discover start --target 10.0.0.5 --ports 22,5432,8000-8100 --wait --json',
      'pam action discover start -r web-1 --wait',
    ],
  }).alias('s');
  return addProfileOptions(command)
    .addOption(
      new Option(
        '--target <CIDR|HOST>',
        'network, address, FIRST-LAST or host name (repeatable); of IPv6 a /120 at most',
      )
        .default([], 'none')
        .argParser(collect),
    )
    .option('-r, --record <RECORD>', 'log in with its credential and list the accounts there, in place of a range')
    .option('--ports <LIST>', 'common, or for example 22,5432,8000-8100 (default: common)')
    .option('--rate <N>', 'connects begun per second; more is quicker and easier to notice (default: 500)')
    .option('--wait', 'until it has ended; shows how far it is')
    .action((options: StartOptions) => discover(terminal, options));
}

interface Discovery {
  /** The record, or what names the range in place of one. */
  readonly recordId: string;
  readonly parameters: readonly Parameter[];
  /** What is looked at; null: the record. */
  readonly scope: Scope | null;
}

/** What the flags ask for: a range, or the record that is named. Throws `bad-usage`. */
function parseDiscovery({ target, record, ports, rate }: StartOptions): Discovery | string {
  if (record !== undefined) {
    if (target.length > 0 || ports !== undefined || rate !== undefined)
      throw new GatewayError('bad-usage', '--record goes with neither --target nor --ports nor --rate');
    return parseText(record, { flag: '--record', max: NAME_LENGTH_MAX });
  }
  if (target.length === 0) throw missingFlag('--target', EXAMPLE);
  const parameters: readonly Parameter[] = [
    ...target.map((value) => ({ name: ScopeParameter.target, value })),
    { name: ScopeParameter.ports, value: ports ?? 'common' },
    ...(rate === undefined ? [] : [{ name: ScopeParameter.rate, value: rate }]),
  ];
  const scope = readScope(parameters);
  return { recordId: scopeId(scope), parameters, scope };
}

async function discover(terminal: Terminal, options: StartOptions): Promise<void> {
  const wanted = parseDiscovery(options);
  await withClient(terminal, options, async (connected) => {
    const discovery = typeof wanted === 'string' ? await ofRecord(connected, wanted, terminal) : wanted;
    await run(connected, { discovery, options }, terminal);
  });
}

async function ofRecord(connected: Connected, named: string, { signal }: Terminal): Promise<Discovery> {
  const { recordId } = await findRecordFor(connected, { named, kind: 'discovery' }, signal);
  return { recordId, parameters: [], scope: null };
}

async function run(
  connected: Connected,
  { discovery, options }: { readonly discovery: Discovery; readonly options: StartOptions },
  terminal: Terminal,
): Promise<void> {
  const { scope, parameters } = discovery;
  const isCut = scope !== null && partsOf(scope) > 1;
  if (isCut && options.wait !== true) {
    const atOnce = await partsAtOnce(connected, scope, terminal.signal);
    const jobId = await beginParts(connected, { parameters, atOnce }, terminal);
    return tellBegun({ jobId, state: 'running', worker: null }, options, terminal);
  }
  if (isCut) {
    const atOnce = await partsAtOnce(connected, scope, terminal.signal);
    const { jobId, findings } = await runParts(connected, { parameters, atOnce }, terminal);
    return show({ jobId, state: 'succeeded', error: null, message: '' }, { findings, options, terminal });
  }
  const job = await begin(connected, discovery, terminal);
  if (options.wait !== true) return tellBegun(job, options, terminal);
  const ended = await finish(connected, discovery, { job, terminal });
  const { output, outputMissing } = await readOutput(connected.client, ended, terminal.signal);
  if (outputMissing !== null) throw new GatewayError('unreachable', outputMissing);
  const findings = readFindings(output);
  const { jobId, state, error, progress } = ended;
  show({ jobId, state, error, message: progress?.message ?? '' }, { findings, options, terminal });
  assertSucceeded(ended);
}

function tellBegun(
  { jobId, state, worker }: Pick<JobNotice, 'jobId' | 'state' | 'worker'>,
  { json }: StartOptions,
  terminal: Terminal,
): void {
  if (json === true) return terminal.printJson({ jobId, state, worker });
  terminal.print(`discovery: job ${jobId}\nNext: pam action discover status -j ${jobId}`);
}

function show(
  ended: Pick<JobNotice, 'jobId' | 'state' | 'error'> & { readonly message: string },
  shown: { readonly findings: Findings; readonly options: StartOptions; readonly terminal: Terminal },
): void {
  const { findings, options, terminal } = shown;
  if (options.json === true) return terminal.printJson({ ...ended, ...findings });
  if (ended.state === 'succeeded') terminal.print(renderFindings(findings, terminal.style()).join('\n'));
}

async function begin(
  { client }: Connected,
  { recordId, parameters }: Discovery,
  terminal: Terminal,
): Promise<JobNotice> {
  return (await client.submit({ kind: 'discovery', recordId, parameters }, terminal.signal)).notice;
}

/** It changes nothing, so when its worker is lost it simply begins again on another one: by itself where an instance has kept it, else from here. */
async function finish(
  connected: Connected,
  discovery: Discovery,
  { job, terminal }: { readonly job: JobNotice; readonly terminal: Terminal },
): Promise<JobNotice> {
  const { client, profile } = connected;
  let ended = await awaitJob(client, job.jobId, terminal);
  for (let tries = 1; ended.state === 'lost' && tries < TRIES_MAX; tries++) {
    terminal.note(`worker ${ended.worker ?? '–'} was lost; beginning anew elsewhere`);
    const { jobId } = ended;
    ended = await awaitJob(client, onwardJobId(profile.gateway.uid, jobId, 'again'), terminal).catch(
      async (error: unknown) => {
        if (!(error instanceof GatewayError) || error.code !== 'outcome-unknown') throw error;
        return awaitJob(client, (await begin(connected, discovery, terminal)).jobId, terminal);
      },
    );
  }
  return ended;
}
