/**
 * The work an instance does, one folder per kind of job. It is *not* concerned with who may ask, where a job runs or what becomes of it: the core
 * decides that, the access plane opens the session, and a workload carries it out.
 *
 * Adding a kind: its folder, and one line in the table below. Kinds that are not in the table are answered `not-supported`.
 */
import type { JobKind } from '../wire/job.ts';
import { type ConnectionComponents, createConnection } from './connection/index.ts';
import { tunnel } from './tunnel/index.ts';
import type { Workload } from './workload.ts';

export type { ConnectionComponents } from './connection/index.ts';
export type { HostKeyBook } from './connection/ssh/host-key.ts';
export { openHostKeyFile } from './connection/ssh/host-key-file.ts';
export type { Task, TaskOutcome, TaskTable, TaskWorkload } from './task.ts';
export { TaskRunner } from './task-runner.ts';
export { createTasks, TASK_KINDS } from './tasks.ts';
export type { ChannelDuplex, Outcome, Session, SessionChannel, Workload } from './workload.ts';

/** Kinds of job with their workload. */
export type WorkloadTable = Readonly<Partial<Record<JobKind, Workload>>>;

/** What this program can do with a client. Without what connections need, there are none. */
export function createWorkloads(connection: ConnectionComponents | null): WorkloadTable {
  return { tunnel, ...(connection === null ? {} : { connection: createConnection(connection) }) };
}
