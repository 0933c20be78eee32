import { readFileSync, statSync } from 'node:fs';
import { GatewayError } from '../../base/errors.ts';
import { Secret } from '../../base/secret.ts';

/** How much of a secret is read at the most, and which flag asked for it. */
export interface InputBounds {
  readonly flag: string;
  readonly bytesMax: number;
}

/** All of standard input, without the line end that `echo` and editors add. Throws `bad-usage` where it is empty, too long or no UTF-8. */
export async function readSecretInput(
  bounds: InputBounds,
  input: AsyncIterable<Uint8Array> = process.stdin,
): Promise<Secret<string>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of input) {
    size += chunk.length;
    if (size > bounds.bytesMax + 2) throw tooLong(bounds, 'standard input');
    chunks.push(chunk);
  }
  return textOf(Buffer.concat(chunks), bounds, 'standard input');
}

/** A file with a secret. Throws `bad-usage` where it cannot be read, may be read by others, is empty, too long or no UTF-8. */
export function readSecretFile(path: string, bounds: InputBounds): Secret<string> {
  const { mode, size } = readable(bounds, path, () => statSync(path));
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new GatewayError(
      'bad-usage',
      `${bounds.flag}: ${path} may be read by others (mode ${(mode & 0o777).toString(8)})`,
      {
        remedy: `Take that away with: chmod 600 ${path}`,
      },
    );
  }
  if (size > bounds.bytesMax + 2) throw tooLong(bounds, path);
  return textOf(
    readable(bounds, path, () => readFileSync(path)),
    bounds,
    path,
  );
}

/** A file without a secret. Throws `bad-usage` as `readSecretFile` does, whoever may read it. */
export function readTextFile(path: string, bounds: InputBounds): string {
  const { size } = readable(bounds, path, () => statSync(path));
  if (size > bounds.bytesMax + 2) throw tooLong(bounds, path);
  return textOf(
    readable(bounds, path, () => readFileSync(path)),
    bounds,
    path,
  ).reveal();
}

function readable<T>({ flag }: InputBounds, path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    throw new GatewayError('bad-usage', `${flag}: ${path} cannot be read (${reason})`, { cause });
  }
}

function textOf(bytes: Uint8Array, bounds: InputBounds, where: string): Secret<string> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new GatewayError('bad-usage', `${bounds.flag}: ${where} is not UTF-8 text`, { cause });
  }
  bytes.fill(0);
  const value = text.replace(/\r?\n$/, '');
  if (value === '') throw new GatewayError('bad-usage', `${bounds.flag}: ${where} is empty`);
  if (Buffer.byteLength(value) > bounds.bytesMax) throw tooLong(bounds, where);
  return new Secret(value);
}

function tooLong({ flag, bytesMax }: InputBounds, where: string): GatewayError {
  return new GatewayError('bad-usage', `${flag}: ${where} holds more than ${bytesMax} bytes`);
}
