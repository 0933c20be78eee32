import { chmod, type FileHandle, mkdir, open, realpath, rename, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import { GatewayError } from '../../../base/errors.ts';
import { type FileAttributes, SFTP_DATA_BYTES, SftpOpen } from '../../../wire/sftp.ts';
import { printable } from '../../frame/text.ts';
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
import { explainThere, here, there } from './failures.ts';

/** Copies files and folders from the target. Throws typed failures; with several files or a folder, some are told to the report instead. */
export async function download(
  components: CopyComponents,
  { sources, target }: { readonly sources: readonly string[]; readonly target: string },
): Promise<void> {
  const found = await stat(target).catch(() => undefined);
  const isFolder = found?.isDirectory() === true;
  if (!isFolder && (sources.length > 1 || /[\\/]$/.test(target)))
    throw new GatewayError('not-found', `cannot write to ${target}: there is no such folder`);
  for (const source of sources) {
    const copy = async (): Promise<void> =>
      downloadTree(components, source, isFolder ? join(target, await nameOf(components, source)) : target, 0);
    await (sources.length === 1 ? copy() : oneOfMany(components.report, copy));
  }
}

/** The last part of a path that the person has typed, or of where it leads to. */
async function nameOf({ sftp, record }: CopyComponents, source: string): Promise<string> {
  const typed = posix.basename(source);
  if (typed !== '.' && typed !== '..' && typed !== '') return assertName(typed, record);
  return assertName(
    posix.basename(await there({ what: 'read', path: source, record }, () => sftp.realPath(source))),
    record,
  );
}

/** A name that the target gave is one name, in the folder that is being filled, and nothing else (CVE-2019-6111). */
function assertName(name: string, record: string): string {
  const isOne = name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name);
  if (isOne && (process.platform !== 'win32' || !/[\\:]/.test(name))) return name;
  throw new GatewayError(
    'bad-message',
    `${record} names a file "${printable(name)}", which would be written elsewhere`,
  );
}

async function downloadTree(components: CopyComponents, source: string, target: string, depth: number): Promise<void> {
  const { sftp, record, recursive, signal } = components;
  signal.throwIfAborted();
  const found = await there({ what: 'read', path: source, record }, () => sftp.stat(source));
  if (found === undefined)
    throw new GatewayError('not-found', `cannot read ${record}:${source}: no such file or folder`);
  if (kindOf(found) !== 'folder') return downloadFile(components, { source, target, attributes: found });
  if (!recursive)
    throw new GatewayError('bad-usage', `${record}:${source} is a folder`, { remedy: 'Copy it with -r.' });
  if (depth >= DEPTH_MAX)
    throw new GatewayError('bad-usage', `${record}:${source} is more than ${DEPTH_MAX} folders deep`);
  await downloadFolder(components, { source, target, attributes: found }, depth);
}

interface Fetching {
  readonly source: string;
  readonly target: string;
  readonly attributes: FileAttributes;
}

async function downloadFolder(components: CopyComponents, fetching: Fetching, depth: number): Promise<void> {
  const { sftp, record, report, preserve } = components;
  const { source, target, attributes } = fetching;
  const mode = (attributes.mode ?? PERMISSIONS) & PERMISSIONS;
  await here({ what: 'make', path: target }, async () => {
    if ((await stat(target).catch(() => undefined))?.isDirectory() !== true) await mkdir(target, mode | 0o700);
  });
  try {
    for await (const { name, attributes: own } of sftp.entries(source)) {
      const from = posix.join(source, assertName(name, record));
      const isLink = own.mode !== null && (own.mode & 0o170000) === 0o120000;
      const behind = isLink ? await there({ what: 'read', path: from, record }, () => sftp.stat(from)) : undefined;
      if (behind !== undefined && kindOf(behind) === 'folder')
        report.note(`left out: ${record}:${printable(from)} leads to another folder`);
      else await oneOfMany(report, () => downloadTree(components, from, join(target, name), depth + 1));
    }
  } catch (error) {
    throw explainThere(error, { what: 'read', path: source }, record);
  }
  if (preserve) await here({ what: 'set the times of', path: target }, () => preserveHere(target, attributes));
}

async function preserveHere(path: string, { mode, accessedUnixS, modifiedUnixS }: FileAttributes): Promise<void> {
  if (mode !== null) await chmod(path, mode & 0o7777);
  if (accessedUnixS !== null && modifiedUnixS !== null) await utimes(path, accessedUnixS, modifiedUnixS);
}

async function downloadFile(components: CopyComponents, fetching: Fetching): Promise<void> {
  const { sftp, record } = components;
  const { source, attributes } = fetching;
  if (kindOf(attributes) !== 'file')
    throw new GatewayError('bad-usage', `${record}:${source} is neither a file nor a folder`);
  const doing = { what: 'read', path: source, record };
  const handle = await there(doing, () => sftp.open(source, SftpOpen.read));
  try {
    await writeHere(components, fetching, handle);
  } finally {
    await sftp.close(handle).catch(() => undefined);
  }
}

/** Under another name until it is whole; straight into what is no regular file, such as a pipe. */
async function writeHere(
  components: CopyComponents,
  { source, target, attributes }: Fetching,
  handle: Buffer,
): Promise<void> {
  const { report, preserve, record } = components;
  const doing = { what: 'write', path: target };
  const old = await stat(target).catch(() => undefined);
  if (old?.isDirectory() === true) throw new GatewayError('bad-usage', `cannot write ${target}: it is a folder`);
  const isReplaced = old === undefined || old.isFile();
  const real = old === undefined ? target : await here(doing, () => realpath(target));
  const place = isReplaced ? join(dirname(real), partName(basename(real))) : real;
  const mode = (attributes.mode ?? 0o666) & PERMISSIONS;
  const file = await here(doing, () => open(place, isReplaced ? 'wx' : 'w', mode));
  report.begin(`${record}:${source}`, attributes.sizeBytes ?? 0);
  try {
    await there({ what: 'read', path: source, record }, () =>
      here(doing, () => pump(components, { file, handle, sizeBytes: attributes.sizeBytes ?? 0, isPlain: isReplaced })),
    );
    await here(doing, async () => {
      if (isReplaced && old !== undefined && !preserve) await file.chmod(old.mode & PERMISSIONS);
      await file.close();
      if (preserve && isReplaced) await preserveHere(place, attributes);
      if (isReplaced) await rename(place, real);
    });
    report.done();
  } catch (error) {
    await file.close().catch(() => undefined);
    if (isReplaced) await rm(place, { force: true });
    throw error;
  }
}

interface Receiving {
  readonly file: FileHandle;
  readonly handle: Buffer;
  readonly sizeBytes: number;
  /** A place in it can be named. */
  readonly isPlain: boolean;
}

/** Asks ahead up to the size that was told, then goes on until the file says that it is over: it may have grown, or never have had a size. */
async function pump(
  { sftp, report, signal }: CopyComponents,
  { file, handle, sizeBytes, isPlain }: Receiving,
): Promise<void> {
  const asked = new Pipeline<Buffer | undefined>();
  let next = 0;
  let written = 0;
  const ask = (): void => {
    asked.add(sftp.read(handle, next, SFTP_DATA_BYTES));
    next += SFTP_DATA_BYTES;
  };
  try {
    for (;;) {
      signal.throwIfAborted();
      while (asked.length < AHEAD_MAX && (asked.length === 0 || next < sizeBytes)) ask();
      const data = await asked.next();
      if (data === undefined || data.length === 0) return;
      await file.write(data, 0, data.length, isPlain ? written : null);
      written += data.length;
      report.add(data.length);
      if (data.length === SFTP_DATA_BYTES) continue;
      // Not what was asked for: what was asked ahead does not follow on it.
      await asked.settled();
      next = written;
    }
  } finally {
    await asked.settled();
  }
}
