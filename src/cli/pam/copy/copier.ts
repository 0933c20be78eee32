import { GatewayError } from '../../../base/errors.ts';
import type { FileAttributes } from '../../../wire/sftp.ts';
import type { SftpClient } from './sftp-client.ts';

/** What copying needs. */
export interface CopyComponents {
  readonly sftp: SftpClient;
  /** As the person names it. */
  readonly record: string;
  readonly recursive: boolean;
  /** Times and exact permissions. */
  readonly preserve: boolean;
  readonly report: CopyReport;
  /** Checked between two pieces of a file. */
  readonly signal: AbortSignal;
}

/** Hears how it goes. */
export interface CopyReport {
  begin(path: string, sizeBytes: number): void;
  add(bytes: number): void;
  /** A whole file is in its place. */
  done(): void;
  /** One file is left out, and the others go on. */
  problem(error: GatewayError): void;
  note(text: string): void;
}

/** Requests under way for one file: with 32 KiB each, 2 MiB fill 40 MB/s at 50 ms round trip, and are all the memory a copy takes. */
export const AHEAD_MAX = 64;
/** Folders in folders: beyond it there is a circle. */
export const DEPTH_MAX = 128;

const KIND_MASK = 0o170000;
const FOLDER = 0o040000;
const REGULAR = 0o100000;
/** Set by who copies; the kinds and special bits of another machine are not taken over unless asked for. */
export const PERMISSIONS = 0o777;

/** What a mode says a file is. Targets that do not say have files. */
export function kindOf({ mode }: Pick<FileAttributes, 'mode'>): 'folder' | 'file' | 'other' {
  if (mode === null || (mode & KIND_MASK) === REGULAR) return 'file';
  return (mode & KIND_MASK) === FOLDER ? 'folder' : 'other';
}

/** A name beside a file under which it is written until it is whole. */
export function partName(name: string): string {
  return `.${name.slice(0, 200)}.${Math.random().toString(36).slice(2, 8)}.part`;
}

/** Runs the work on one of many files: what goes wrong with it alone is told, and the others go on. */
export async function oneOfMany(report: CopyReport, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof GatewayError) || !ONE_ONLY.has(error.code)) throw error;
    report.problem(error);
  }
}

/** Failures of one file; a full disk or a lost session would be the next one's failure, too. */
const ONE_ONLY: ReadonlySet<GatewayError['code']> = new Set([
  'not-found',
  'target-refused',
  'not-supported',
  'bad-usage',
]);

/** Runs what is given in order, some ahead of what is awaited; waits for what has begun whatever happens. */
export class Pipeline<T> {
  readonly #begun: Promise<T>[] = [];

  /** Begun and not awaited. */
  get length(): number {
    return this.#begun.length;
  }

  add(work: Promise<T>): void {
    work.catch(() => undefined);
    this.#begun.push(work);
  }

  /** The oldest one's result. */
  async next(): Promise<T | undefined> {
    return this.#begun.shift();
  }

  /** Waits for all, and throws the first failure. */
  async all(): Promise<void> {
    while (this.#begun.length > 0) await this.next();
  }

  /** Waits for all, whatever becomes of them. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#begun.splice(0));
  }
}
