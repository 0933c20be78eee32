import { type FileHandle, open, opendir, stat } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import { GatewayError } from '../../../base/errors.ts';
import { SFTP_DATA_BYTES, SftpOpen } from '../../../wire/sftp.ts';
import {
  AHEAD_MAX,
  type CopyComponents,
  DEPTH_MAX,
  kindOf,
  oneOfMany,
  PERMISSIONS,
  Pipeline,
  partName,
} from './copier.ts';
import { explainWrite, here, there } from './failures.ts';
import type { SftpClient } from './sftp-client.ts';

/** Copies files and folders to the target. Throws typed failures; with several files or a folder, some are told to the report instead. */
export async function upload(
  components: CopyComponents,
  { sources, target }: { readonly sources: readonly string[]; readonly target: string },
): Promise<void> {
  const { sftp, record, report } = components;
  const doing = { what: 'write', path: target, record };
  const found = await there(doing, () => sftp.stat(target));
  const isFolder = found !== undefined && kindOf(found) === 'folder';
  if (!isFolder && (sources.length > 1 || target.endsWith('/')))
    throw new GatewayError('not-found', `cannot write to ${record}:${target}: there is no such folder`);
  for (const source of sources) {
    const copy = (): Promise<void> =>
      uploadTree(components, source, isFolder ? posix.join(target, basename(source)) : target, 0);
    await (sources.length === 1 ? copy() : oneOfMany(report, copy));
  }
}

async function uploadTree(components: CopyComponents, source: string, target: string, depth: number): Promise<void> {
  components.signal.throwIfAborted();
  const found = await here({ what: 'read', path: source }, () => stat(source));
  if (found.isFile()) return uploadFile(components, source, target);
  if (!found.isDirectory()) throw new GatewayError('bad-usage', `${source} is neither a file nor a folder`);
  if (!components.recursive)
    throw new GatewayError('bad-usage', `${source} is a folder`, { remedy: 'Copy it with -r.' });
  if (depth >= DEPTH_MAX) throw new GatewayError('bad-usage', `${source} is more than ${DEPTH_MAX} folders deep`);
  await uploadFolder(components, source, target, depth);
}

async function uploadFolder(components: CopyComponents, source: string, target: string, depth: number): Promise<void> {
  const { sftp, record, report, preserve } = components;
  const { mode, atimeMs, mtimeMs } = await here({ what: 'read', path: source }, () => stat(source));
  const isNew = (await there({ what: 'read', path: target, record }, () => sftp.stat(target))) === undefined;
  // Its owner must be able to fill it.
  if (isNew) {
    const made = (mode & PERMISSIONS) | 0o700;
    await there({ what: 'make', path: target, record }, () => sftp.makeFolder(target, made));
  }
  for await (const entry of await here({ what: 'read', path: source }, () => opendir(source))) {
    const from = join(source, entry.name);
    if (entry.isSymbolicLink() && (await stat(from).catch(() => undefined))?.isDirectory() === true)
      report.note(`left out: ${from} leads to another folder`);
    else await oneOfMany(report, () => uploadTree(components, from, posix.join(target, entry.name), depth + 1));
  }
  if (!preserve) return;
  const times = { accessedUnixS: Math.floor(atimeMs / 1000), modifiedUnixS: Math.floor(mtimeMs / 1000) };
  const attributes = { mode: mode & 0o7777, ...times };
  await there({ what: 'set the times of', path: target, record }, () => sftp.setAttributes(target, attributes));
}

async function uploadFile(components: CopyComponents, source: string, target: string): Promise<void> {
  const file = await here({ what: 'read', path: source }, () => open(source, 'r'));
  try {
    await writeThere(components, { file, source, target });
  } finally {
    await file.close();
  }
}

interface Sending {
  readonly file: FileHandle;
  readonly source: string;
  readonly target: string;
}

/** Under another name until it is whole, so that nobody reads half a file; straight into what is no regular file. */
async function writeThere(components: CopyComponents, { file, source, target }: Sending): Promise<void> {
  const { sftp, record, report, preserve } = components;
  const { size, mode, atimeMs, mtimeMs } = await file.stat();
  const doing = { what: 'write', path: target, record };
  const old = await there(doing, () => sftp.stat(target));
  const isReplaced = old === undefined || kindOf(old) === 'file';
  const real = old === undefined ? target : await there(doing, () => sftp.realPath(target));
  const place = isReplaced ? posix.join(posix.dirname(real), partName(posix.basename(real))) : real;
  const permissions = (preserve ? mode : (old?.mode ?? mode)) & PERMISSIONS;
  const flags = SftpOpen.write | (isReplaced ? SftpOpen.create | SftpOpen.exclusive : 0);
  const handle = await there(doing, () => sftp.open(place, flags, isReplaced ? permissions : null));
  report.begin(source, size);
  try {
    await pump(components, file, handle);
    const times = { accessedUnixS: Math.floor(atimeMs / 1000), modifiedUnixS: Math.floor(mtimeMs / 1000) };
    // The target's mask counts for a new file only.
    if (isReplaced && (preserve || old !== undefined))
      await sftp.setAttributes(handle, { mode: permissions, ...(preserve ? times : {}) });
    await sftp.close(handle);
    if (isReplaced) await sftp.replace(place, real);
    report.done();
  } catch (error) {
    const explained = await explainWrite(error, { path: target, folder: posix.dirname(real), record, sftp });
    const isLeft = isReplaced && !(await isRemoved(sftp, place, handle));
    throw isLeft && explained instanceof GatewayError ? withLeftover(explained, `${record}:${place}`) : explained;
  }
}

/** Takes a part away; false where the session is over, or the target refuses. */
async function isRemoved(sftp: SftpClient, place: string, handle: Buffer): Promise<boolean> {
  await sftp.close(handle).catch(() => undefined);
  return sftp.remove(place).then(
    () => true,
    () => false,
  );
}

function withLeftover({ code, message, remedy, cause }: GatewayError, place: string): GatewayError {
  const left = `What was written stays there as ${place}.`;
  return new GatewayError(code, message, { cause, remedy: remedy === undefined ? left : `${remedy} ${left}` });
}

async function pump({ sftp, report, signal }: CopyComponents, file: FileHandle, handle: Buffer): Promise<void> {
  const sending = new Pipeline<void>();
  try {
    for (let offset = 0; ; ) {
      signal.throwIfAborted();
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(SFTP_DATA_BYTES), 0, SFTP_DATA_BYTES, offset);
      if (bytesRead === 0) break;
      if (sending.length >= AHEAD_MAX) await sending.next();
      sending.add(sftp.write(handle, offset, buffer.subarray(0, bytesRead)));
      offset += bytesRead;
      report.add(bytesRead);
    }
    await sending.all();
  } finally {
    await sending.settled();
  }
}
