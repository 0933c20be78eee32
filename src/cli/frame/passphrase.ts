import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { GatewayError } from '../../base/errors.ts';
import { Secret } from '../../base/secret.ts';
import type { Terminal } from './terminal.ts';

/** Names a file whose first line is the passphrase: for programs, which cannot type. */
export const PASSPHRASE_FILE_VARIABLE = 'PAM_PASSPHRASE_FILE';

/** The passphrase of a key, from the file that the environment names or from the person at the terminal; it is never shown. */
export async function askPassphrase(
  terminal: Terminal,
  { what, twice = false }: { readonly what: string; readonly twice?: boolean },
): Promise<Secret<string>> {
  const path = terminal.env[PASSPHRASE_FILE_VARIABLE];
  if (path !== undefined && path !== '') return readPassphrase(path);
  if (process.stdin.isTTY !== true) {
    throw new GatewayError(
      'bad-usage',
      `${what} is protected by a passphrase, and there is no terminal to type it at`,
      {
        remedy: `Name a file that holds it with ${PASSPHRASE_FILE_VARIABLE}.`,
      },
    );
  }
  const first = await typed(`Passphrase of ${what}: `, terminal.signal);
  if (!twice) return first;
  const again = await typed('The same again: ', terminal.signal);
  if (first.reveal() === again.reveal()) return first;
  throw new GatewayError('bad-usage', 'the two passphrases differ', { remedy: 'Type the command again.' });
}

function readPassphrase(path: string): Secret<string> {
  try {
    const [line = ''] = readFileSync(path, 'utf8').split(/\r?\n/, 1);
    if (line !== '') return new Secret(line);
  } catch (cause) {
    throw new GatewayError('bad-config', `${PASSPHRASE_FILE_VARIABLE}: ${path} cannot be read`, { cause });
  }
  throw new GatewayError('bad-config', `${PASSPHRASE_FILE_VARIABLE}: the first line of ${path} is empty`);
}

/** One line without an echo: readline edits it and writes to nowhere. */
async function typed(question: string, signal: AbortSignal): Promise<Secret<string>> {
  process.stderr.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  const { promise, resolve, reject } = Promise.withResolvers<Secret<string>>();
  const onAbort = (): void => reject(new GatewayError('cancelled', 'no passphrase was typed'));
  signal.addEventListener('abort', onAbort, { once: true });
  lines.once('line', (line) => resolve(new Secret(line)));
  lines.once('SIGINT', onAbort);
  lines.once('close', onAbort);
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
    lines.close();
    process.stderr.write('\n');
  }
}
