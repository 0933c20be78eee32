import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { GatewayError } from '../../base/errors.ts';

/**
 * Where the local socket of a directory is. Normally `control.sock` inside it. Socket paths have a limit of the operating system
 * (108 bytes with the closing zero on Linux, 104 on macOS), so a longer one moves to a private folder under the temporary directory, and the
 * file `control.path` in the data directory says where: the temporary directory of the asking process may be another one.
 */

const SOCKET_NAME = 'control.sock';
const POINTER_NAME = 'control.path';
const SOCKET_PATH_BYTES_MAX = process.platform === 'darwin' ? 103 : 107;
const POINTER_BYTES_MAX = 4096;
const PRIVATE_FOLDER_MODE = 0o700;
const PRIVATE_FILE_MODE = 0o600;

/** The address to listen at; makes what it needs and removes what a dead process left. The caller alone may serve this directory. */
export function prepareSocketAddress(directory: string): string {
  if (process.platform === 'win32') return pipeName(directory);
  const plain = plainAddress(directory);
  const pointer = join(directory, POINTER_NAME);
  rmSync(pointer, { force: true });
  rmSync(plain, { force: true });
  if (fitsSocketPath(plain)) return plain;
  const moved = join(makePrivateFolder(), `${digestOf(directory)}.sock`);
  if (!fitsSocketPath(moved)) throw tooLong(moved);
  rmSync(moved, { force: true });
  writeFileSync(pointer, `${moved}\n`, { mode: PRIVATE_FILE_MODE });
  return moved;
}

/** The address at which the server of this directory listens, if one runs. */
export function findSocketAddress(directory: string): string {
  if (process.platform === 'win32') return pipeName(directory);
  return readPointer(directory) ?? plainAddress(directory);
}

/** Removes what `prepareSocketAddress` made; the socket itself goes when it closes. */
export function forgetSocketAddress(directory: string): void {
  if (process.platform !== 'win32') rmSync(join(directory, POINTER_NAME), { force: true });
}

function readPointer(directory: string): string | undefined {
  try {
    const pointed = readFileSync(join(directory, POINTER_NAME), 'utf8').slice(0, POINTER_BYTES_MAX).trim();
    // Whoever may write into the directory could have put the socket there as well; the folder must still be nobody else's.
    if (pointed === '') return undefined;
    assertPrivate(dirname(pointed));
    return pointed;
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    return undefined;
  }
}

function plainAddress(directory: string): string {
  return join(resolve(directory), SOCKET_NAME);
}

function pipeName(directory: string): string {
  return `\\\\.\\pipe\\pam-gateway-${digestOf(directory)}`;
}

function digestOf(directory: string): string {
  return createHash('sha256').update(resolve(directory)).digest('hex').slice(0, 24);
}

function fitsSocketPath(path: string): boolean {
  return Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX;
}

function makePrivateFolder(): string {
  const folder = join(tmpdir(), `pam-gateway-${userInfo().uid}`);
  mkdirSync(folder, { recursive: true, mode: PRIVATE_FOLDER_MODE });
  assertPrivate(folder);
  chmodSync(folder, PRIVATE_FOLDER_MODE);
  return folder;
}

/** The temporary directory belongs to everybody: a folder that somebody else made there first is refused. */
function assertPrivate(folder: string): void {
  const found = lstatSync(folder);
  const own = userInfo().uid;
  const trusted = own === 0 ? true : found.uid === own;
  if (found.isDirectory() && trusted && (found.mode & 0o022) === 0) return;
  throw new GatewayError('data-directory', `${folder} is not a private folder of this user`, {
    remedy: `Remove it, or choose a data directory with a path shorter than ${SOCKET_PATH_BYTES_MAX - SOCKET_NAME.length} bytes.`,
  });
}

function tooLong(path: string): GatewayError {
  return new GatewayError(
    'data-directory',
    `socket path ${path} has ${Buffer.byteLength(path)} bytes; the limit is ${SOCKET_PATH_BYTES_MAX}`,
    { remedy: 'Choose a shorter data directory (--data-dir) or a shorter TMPDIR.' },
  );
}
