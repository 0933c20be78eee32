/** `pam action discover process`: what a discovery found becomes records, by rules, by asking, or all of it. It signs as an admin; what was seen is never changed. */
import type { Command } from 'commander';
import { GatewayError } from '../../../../../base/errors.ts';
import { isFinal, JOB_ID_LENGTH } from '../../../../../wire/job.ts';
import { defineCommand } from '../../../../frame/command-tree.ts';
import { parseText, requireFlag } from '../../../../frame/flags.ts';
import type { Terminal } from '../../../../frame/terminal.ts';
import { printable } from '../../../../frame/text.ts';
import {
  addProfileOptions,
  type Connected,
  type ProfileOptions,
  signWithOption,
  withClient,
} from '../../../connection.ts';
import { listRecords } from '../../../find-record.ts';
import { formatTarget } from '../../../record/record-report.ts';
import type { Findings } from '../findings.ts';
import { readDiscovery } from '../parts/read-discovery.ts';
import { listRules } from '../rule/rules.ts';
import { addCandidate, ignoreAlways, type Writing } from './add-candidate.ts';
import { type Answer, openQuestions, type Questions } from './ask.ts';
import { type Candidate, candidatesOf, misfitsOf } from './candidates.ts';
import { type Decision, decide, KnownRecords } from './decide.ts';
import { countFates, type FateReport, renderFates, reportFate } from './report.ts';

interface ProcessOptions extends ProfileOptions {
  readonly job?: string;
  readonly addAll?: boolean;
  readonly dryRun?: boolean;
  readonly signWith: readonly string[];
}

const EXAMPLE = 'pam action discover process -j Xk2vQ9b1T0mYwz4c5d6e7f';

/** The command. */
export function processDiscoveryCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'process',
    summary: 'make records of what a discovery found: as the rules say, and by asking about the rest',
    examples: [EXAMPLE, `${EXAMPLE} --add-all`, `${EXAMPLE} --dry-run`],
  }).alias('p');
  return addProfileOptions(command)
    .option('-j, --job <JOB>', 'id of the discovery')
    .option('--add-all', 'ask nothing: add what no rule keeps out and what is recognised')
    .option('--dry-run', 'only say what would be added')
    .addOption(signWithOption())
    .action(async (options: ProcessOptions) => {
      const jobId = parseText(requireFlag(options.job, '--job', EXAMPLE), { flag: '--job', max: JOB_ID_LENGTH });
      const fates = await withClient(terminal, options, (connected) =>
        processJob(connected, { jobId, options }, terminal),
      );
      const isDryRun = options.dryRun === true;
      if (options.json === true) return terminal.printJson({ jobId, dryRun: isDryRun, ...countFates(fates), fates });
      terminal.print(renderFates(fates, { isDryRun, jobId }, terminal.style()).join('\n'));
    });
}

async function processJob(
  connected: Connected,
  { jobId, options }: { readonly jobId: string; readonly options: ProcessOptions },
  terminal: Terminal,
): Promise<readonly FateReport[]> {
  const { client } = connected;
  const { signal } = terminal;
  const findings = await findingsOf(connected, jobId, terminal);
  const [records, rules] = [await listRecords(client, null, signal), await listRules(client, signal)];
  const known = new KnownRecords(records);
  const misfits = misfitsOf(findings).length;
  if (misfits > 0) terminal.note(`${misfits} accounts have longer names than a record can hold; they are left out`);
  const writing = { connected, known, seenBy: findings.record, signWith: options.signWith, terminal };
  const walk = new Walk(writing, { isDryRun: options.dryRun === true, addAll: options.addAll === true });
  try {
    const fates: FateReport[] = [];
    for (const candidate of candidatesOf(findings, (place) => known.parentOf(place, findings.record)?.title)) {
      fates.push(await walk.settle(candidate, decide(candidate, { known, rules, addAll: walk.addAll })));
    }
    return fates;
  } finally {
    walk.stop();
  }
}

/** Throws `not-found` for what is no discovery, has not ended, or has nothing to show. */
async function findingsOf(
  connected: Connected,
  jobId: string,
  { signal, note }: Pick<Terminal, 'signal' | 'note'>,
): Promise<Findings> {
  const { notice, findings, outputMissing } = await readDiscovery(connected, jobId, signal);
  if (!isFinal(notice.state))
    throw new GatewayError('not-found', `discovery ${jobId} has not ended yet: it is ${notice.state}`, {
      remedy: `pam action discover status -j ${jobId} shows how far it is.`,
    });
  if (findings === null) {
    if (outputMissing !== null) throw new GatewayError('unreachable', outputMissing);
    throw new GatewayError('not-found', `discovery ${jobId} is ${notice.state} and found nothing`, {
      remedy: 'Start it again: pam action discover start --target CIDR --wait',
    });
  }
  // What there is of it can be processed; the rest comes with the next discovery.
  for (const lack of [outputMissing, notice.error?.message])
    if (typeof lack === 'string') note(`not all of it: ${lack}`);
  return findings;
}

/** One find after the other; asks at most once about each. */
class Walk {
  readonly #writing: Writing;
  readonly #isDryRun: boolean;
  #questions: Questions | undefined;
  #addAll: boolean;
  #isOver = false;

  constructor(writing: Writing, { isDryRun, addAll }: { readonly isDryRun: boolean; readonly addAll: boolean }) {
    this.#writing = writing;
    this.#isDryRun = isDryRun;
    this.#addAll = addAll;
  }

  /** The flag, or what somebody has answered. */
  get addAll(): boolean {
    return this.#addAll;
  }

  /** Carries a decision out. */
  async settle(candidate: Candidate, decision: Decision): Promise<FateReport> {
    if (decision.kind === 'known')
      return reportFate(candidate, {
        fate: 'known',
        record: decision.record.recordId,
        title: decision.record.title,
        rule: null,
      });
    const rule = decision.rule?.name ?? null;
    if (decision.kind === 'ignore') return reportFate(candidate, { fate: 'ignored', record: null, rule });
    const isWanted = decision.kind === 'add' ? 'add' : await this.#ask(candidate);
    if (isWanted === 'always') {
      const written = await ignoreAlways(this.#writing, candidate);
      return reportFate(candidate, { fate: 'ignored', record: null, rule: written });
    }
    if (isWanted !== 'add') return reportFate(candidate, { fate: 'left', record: null, rule });
    return this.#add(candidate, decision);
  }

  /** Ends the questions. */
  stop(): void {
    this.#questions?.stop();
  }

  async #add(
    candidate: Candidate,
    { rule }: Extract<Decision, { kind: 'add' | 'ignore' | 'prompt' }>,
  ): Promise<FateReport> {
    const byRule = rule?.name ?? null;
    if (this.#isDryRun) {
      const title = this.#writing.known.freeTitle(candidate.title);
      return reportFate(candidate, { fate: 'added', record: null, title, rule: byRule });
    }
    const record = await addCandidate(this.#writing, candidate, rule);
    return reportFate(candidate, { fate: 'added', record: record.recordId, title: record.title, rule: byRule });
  }

  async #ask(candidate: Candidate): Promise<Exclude<Answer, 'all' | 'quit'>> {
    // Whoever wants all of it, or only to look, is not there to be asked.
    if (this.#addAll || this.#isDryRun || this.#isOver) return 'skip';
    this.#questions ??= openQuestions(this.#writing.terminal);
    const answer = await this.#questions.ask(printable(describe(candidate)));
    if (answer === 'quit') this.#isOver = true;
    if (answer === 'all') this.#addAll = true;
    return answer === 'quit' ? 'skip' : answer === 'all' ? 'add' : answer;
  }
}

function describe({ type, title, host, port, user, facts }: Candidate): string {
  const what = [facts.service, facts.version, facts.banner].filter((text) => typeof text === 'string' && text !== '');
  return `${title}: ${type}${user === null ? '' : ` ${user}`} at ${formatTarget({ host, port })} (${what.join(', ')})`;
}
