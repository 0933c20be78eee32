import type { Failure, JobKind, JobNotice, JobState, Parameter } from '../wire/job.ts';
import type { TargetRecord } from '../wire/record.ts';

/** The contract of a kind of job that runs without a client. */
export interface TaskWorkload {
  readonly kind: JobKind;
  /** Carries the task out and holds nothing afterwards. Expected failures are in the outcome; what it throws is a bug. */
  run(task: Task): Promise<TaskOutcome>;
}

/** A job that runs by itself on this worker. */
export interface Task {
  readonly notice: JobNotice;
  readonly parameters: readonly Parameter[];
  /** Null where the job is about no record. */
  readonly record: TargetRecord | null;
  /** An earlier process may have begun it: find out what became of it, begin nothing. */
  readonly resumed: boolean;
  /** The job was cancelled or the instance stops: end now, in a state that the next process can go on from. */
  readonly cancelled: AbortSignal;
  /** Tells everybody how far it is: one line without secrets. */
  report(message: string, donePerMille: number): void;
}

/** How a task ended. */
export interface TaskOutcome {
  readonly state: Extract<JobState, 'succeeded' | 'failed' | 'cancelled'>;
  readonly error: Failure | null;
  /** One line. */
  readonly message: string;
  /** What it has to show, as JSON; null: nothing beside the line. Never a secret. */
  readonly output: unknown;
}

/** Kinds of job that run without a client, with what carries them out. */
export type TaskTable = Readonly<Partial<Record<JobKind, TaskWorkload>>>;
