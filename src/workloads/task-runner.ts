import { setTimeout as delay } from 'node:timers/promises';
import { GatewayError } from '../base/errors.ts';
import type { Effect, JobResult } from '../core/index.ts';
import type { SessionEnd } from '../pool-port.ts';
import { ERROR_TEXT_MAX, JOB_OUTPUT_BYTES_MAX, PROGRESS_TEXT_MAX } from '../wire/bounds.ts';
import type { Failure } from '../wire/job.ts';
import type { Task, TaskOutcome, TaskTable } from './task.ts';

/** What running tasks needs. */
export interface TaskRunnerComponents {
  readonly tasks: TaskTable;
  readonly sink: {
    jobReport(jobId: string, message: string, donePerMille: number): void;
    jobEnded(end: SessionEnd): void;
  };
  readonly log: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
}

/** Between two reports of one task: each is told to the whole pool. */
const REPORT_SPACING_MS = 500;
/** How long a stop waits for tasks to end. */
const STOP_MS = 2000;

/** Runs the jobs that need no client, each to exactly one end. */
export class TaskRunner {
  readonly #components: TaskRunnerComponents;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor(components: TaskRunnerComponents) {
    this.#components = components;
  }

  /** Begins a task; its end is told to the sink. */
  begin(begin: Extract<Effect, { readonly kind: 'begin' }>, cancelled: AbortSignal): void {
    const running = this.#run(begin, AbortSignal.any([cancelled, this.#stopping.signal]));
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
  }

  /** Cancels all tasks, and waits until they have ended; two seconds at most. */
  async stop(): Promise<void> {
    this.#stopping.abort(new GatewayError('cancelled', 'the instance is stopping'));
    await Promise.race([Promise.all(this.#running), delay(STOP_MS, undefined, { ref: false })]);
  }

  async #run(
    { notice, parameters, record, resumed }: Extract<Effect, { readonly kind: 'begin' }>,
    cancelled: AbortSignal,
  ): Promise<void> {
    const { sink } = this.#components;
    const { jobId } = notice;
    const report = spaced((message, donePerMille) => sink.jobReport(jobId, message, donePerMille));
    const outcome = await this.#outcome({ notice, parameters, record, resumed, cancelled, report: report.tell });
    report.stop();
    sink.jobEnded({ jobId, bytesIn: 0, bytesOut: 0, ...endOf(outcome) });
  }

  async #outcome(task: Task): Promise<TaskOutcome> {
    const { tasks, log } = this.#components;
    const { jobId, kind } = task.notice;
    const workload = tasks[kind];
    if (workload === undefined)
      return failed({ code: 'not-supported', message: `jobs of kind ${kind} are not supported by this version` });
    try {
      return await workload.run(task);
    } catch (error) {
      if (error instanceof GatewayError) return failed({ code: error.code, message: error.message });
      log.warn({ jobId, error: error instanceof Error ? error.stack : String(error) }, 'a task failed unexpectedly');
      return failed({ code: 'bad-message', message: 'the task failed unexpectedly; the log of its worker says more' });
    }
  }
}

/** The outcome of a failure. Pure. */
export function failed(error: Failure, output: unknown = null): TaskOutcome {
  const state = error.code === 'cancelled' ? 'cancelled' : 'failed';
  return { state, error, message: error.message, output };
}

function endOf({ state, error, message, output }: TaskOutcome): Pick<SessionEnd, 'state' | 'error'> & {
  readonly result: JobResult;
} {
  const line = message.slice(0, PROGRESS_TEXT_MAX);
  const bytes = output === null ? null : new TextEncoder().encode(JSON.stringify(output));
  if (bytes === null || bytes.length <= JOB_OUTPUT_BYTES_MAX)
    return { state, error: bounded(error), result: { message: line, output: bytes } };
  const limit = `the output has ${bytes.length} bytes; the limit is ${JOB_OUTPUT_BYTES_MAX}: ask for less at a time`;
  return {
    state: 'failed',
    error: { code: 'bad-message', message: limit },
    result: { message: limit.slice(0, PROGRESS_TEXT_MAX), output: null },
  };
}

function bounded(error: Failure | null): Failure | null {
  return error === null ? null : { code: error.code, message: error.message.slice(0, ERROR_TEXT_MAX) };
}

/** At most one report in each spacing, and always the last one. */
function spaced(tell: (message: string, donePerMille: number) => void): {
  readonly tell: Task['report'];
  stop(): void;
} {
  let last: readonly [string, number] | undefined;
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    timer = undefined;
    if (last === undefined) return;
    tell(...last);
    last = undefined;
    timer = setTimeout(flush, REPORT_SPACING_MS).unref();
  };
  return {
    tell: (message, donePerMille) => {
      last = [message.slice(0, PROGRESS_TEXT_MAX), Math.min(1000, Math.max(0, Math.round(donePerMille)))];
      if (timer === undefined) flush();
    },
    stop: () => clearTimeout(timer),
  };
}
