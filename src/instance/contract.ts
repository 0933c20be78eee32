import type { ExitCode } from '../base/errors.ts';
import type { Settings } from '../config/index.ts';

/** Where an instance writes its log: values as fields, the text second. A pino logger fits. */
export interface InstanceLog {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** What an instance starts with. */
export interface InstanceInit {
  readonly settings: Settings;
  readonly version: string;
  readonly log: InstanceLog;
}

/** A running instance. */
export interface Instance {
  /** How the process has to end, once it has left the pool and closed everything. The lines are for whoever started it. */
  readonly ended: Promise<{ readonly code: ExitCode; readonly lines: readonly string[] }>;
  /** Stop taking jobs, let sessions finish, leave. */
  drain(reason: string): void;
  /** Leave now. */
  stop(reason: string): void;
}
