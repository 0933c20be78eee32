/** What went wrong with a file, in words for a person. */
import { type ErrorCode, GatewayError } from '../../../base/errors.ts';
import { SFTP_DATA_BYTES, SftpStatus } from '../../../wire/sftp.ts';
import { type SftpClient, SftpRefusal } from './sftp-client.ts';

/** What was done with which file when it failed. */
export interface Doing {
  readonly what: string;
  readonly path: string;
}

const THERE: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  [SftpStatus.noSuchFile]: ['not-found', 'no such file or folder'],
  [SftpStatus.permissionDenied]: ['target-refused', 'permission denied'],
  [SftpStatus.unsupported]: ['not-supported', 'the target cannot do that'],
};

/** A refusal of the target as an expected failure; anything else as it is. */
export function explainThere(error: unknown, { what, path }: Doing, record: string): unknown {
  if (!(error instanceof SftpRefusal)) return error;
  const [code, text] = THERE[error.code] ?? ['target-refused', `the target says "${error.message}"`];
  return new GatewayError(code, `cannot ${what} ${record}:${path}: ${text}`, { cause: error });
}

/** A file of the target that was being written. */
export interface Writing {
  readonly path: string;
  /** Where it is. */
  readonly folder: string;
  readonly record: string;
  readonly sftp: SftpClient;
}

/**
 * A write that failed. SFTP knows no word for a full disk, only for a failure: the target is asked how much room there is. Never throws.
 */
export async function explainWrite(error: unknown, { path, folder, record, sftp }: Writing): Promise<unknown> {
  const explained = explainThere(error, { what: 'write', path }, record);
  if (!(error instanceof SftpRefusal) || error.code !== SftpStatus.failure) return explained;
  const free = await sftp.freeBytes(folder).catch(() => undefined);
  const why =
    free === undefined || free >= SFTP_DATA_BYTES
      ? `the target says "${error.message}": its disk or a quota may be full`
      : `no space left on the target's disk (${free} bytes free)`;
  return new GatewayError('storage-failed', `cannot write ${record}:${path}: ${why}`, { cause: error });
}

const HERE: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ENOENT: ['not-found', 'no such file or folder'],
  ENOTDIR: ['not-found', 'it is not a folder'],
  EISDIR: ['bad-usage', 'it is a folder'],
  EACCES: ['storage-failed', 'permission denied'],
  EPERM: ['storage-failed', 'permission denied'],
  EROFS: ['storage-failed', 'the disk is read-only'],
  ENOSPC: ['storage-failed', 'no space left on the disk here'],
  EDQUOT: ['storage-failed', 'the quota here is used up'],
};

/** A failure of this machine's file system as an expected one; anything else as it is. */
export function explainHere(error: unknown, { what, path }: Doing): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  const [ours, text] = HERE[code] ?? ['storage-failed', code];
  return new GatewayError(ours, `cannot ${what} ${path}: ${text}`, { cause: error });
}

/** Runs work on files here. */
export async function here<T>(doing: Doing, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainHere(error, doing);
  }
}

/** Runs work on files of the target. */
export async function there<T>(doing: Doing & { readonly record: string }, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainThere(error, doing, doing.record);
  }
}
