import { createHash, timingSafeEqual } from 'node:crypto';
import ssh2, { type Client, type ConnectConfig } from 'ssh2';
import { GatewayError } from '../../../base/errors.ts';
import type { Credential } from '../../../vault/index.ts';
import { bounded, networkError } from '../network-error.ts';
import { type Account, labelOf, placeOf } from '../target.ts';

/** A login over SSH that runs commands: input on stdin, so that no secret stands in a process list. */
export interface RemoteShell {
  /** Runs a command of ours; ends with its exit code and the first of what it said. */
  run(command: string, input: string): Promise<CommandResult>;
  /** The same for a command with much to say: what it wrote to stdout, with its lines, the first `LONG_OUTPUT_MAX` bytes. */
  read(command: string, input: string): Promise<CommandResult>;
}

/** How a command ended. */
export interface CommandResult {
  readonly code: number;
  /** stdout and stderr together, printable, the first `OUTPUT_MAX` characters. */
  readonly output: string;
}

/** One login and what is done with it. */
export interface ShellInit {
  readonly account: Account;
  readonly credential: Credential;
  readonly what: string;
  readonly ms: number;
  readonly signal: AbortSignal;
}

const OUTPUT_MAX = 2000;
/** What `read` takes in at the most: a machine of some thousand accounts. */
const LONG_OUTPUT_MAX = 1024 * 1024;
/** Label of a record with the fingerprint that its host has to show. */
const HOST_KEY_LABEL = 'ssh.host-key';

/**
 * Logs in, does the work, logs out. Throws `credential-refused`, `host-key-changed`, what the network says, `target-timeout`. The host's key is checked
 * against the record's label `ssh.host-key` (`SHA256:…`, as `ssh-keyscan | ssh-keygen -lf -` prints it) where there is one.
 */
export async function withShell<T>(init: ShellInit, use: (shell: RemoteShell) => Promise<T>): Promise<T> {
  const { account, what, ms, signal } = init;
  const place = placeOf(account.record);
  return bounded({ place, what, ms, signal }, async (onBreak) => {
    const client = new ssh2.Client();
    onBreak(() => client.destroy());
    try {
      await loggedIn(client, init);
      return await use({
        run: (command, input) => run(client, { place, command, input }, short()),
        read: (command, input) => run(client, { place, command, input }, long()),
      });
    } finally {
      client.end();
    }
  });
}

async function loggedIn(client: Client, { account, credential, ms }: ShellInit): Promise<void> {
  const { record, user } = account;
  const place = placeOf(record);
  const pinned = labelOf(record, HOST_KEY_LABEL);
  let strangeKey: string | undefined;
  const config: ConnectConfig = {
    host: record.host,
    port: record.port,
    username: user,
    readyTimeout: ms,
    tryKeyboard: credential.password !== null,
    hostVerifier: (key: Buffer) => {
      const shown = fingerprintOf(key);
      if (pinned === undefined || isSame(shown, pinned)) return true;
      strangeKey = shown;
      return false;
    },
    ...(credential.password !== null && { password: credential.password.reveal() }),
    ...(credential.privateKey !== null && { privateKey: credential.privateKey.reveal() }),
    ...(credential.passphrase !== null && { passphrase: credential.passphrase.reveal() }),
  };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  client.on('ready', resolve);
  client.on('error', reject);
  client.on('close', () => reject(new GatewayError('target-reset', `${place}: it broke the connection off`)));
  client.on('keyboard-interactive', (_name, _instructions, _language, prompts, finish) =>
    finish(prompts.map(() => credential.password?.reveal() ?? '')),
  );
  try {
    client.connect(config);
    await promise;
  } catch (error) {
    if (strangeKey !== undefined)
      throw new GatewayError(
        'host-key-changed',
        `${place} shows the host key ${strangeKey}; the record says ${pinned}`,
      );
    throw explain(place, user, error);
  }
}

function explain(place: string, user: string, error: unknown): GatewayError {
  const level = error instanceof Error && 'level' in error ? error.level : '';
  if (level === 'client-authentication')
    return new GatewayError('credential-refused', `${place} refused the login of ${user}`, { cause: error });
  if (error instanceof Error && /privateKey|passphrase/i.test(error.message))
    return new GatewayError('credential-missing', `the private key of ${user} cannot be read`);
  if (level === 'client-timeout')
    return new GatewayError('target-timeout', `${place} did not finish the handshake in time`, { cause: error });
  return networkError(place, error);
}

async function run(
  client: Client,
  { place, command, input }: { readonly place: string; readonly command: string; readonly input: string },
  taken: Taken,
): Promise<CommandResult> {
  const { promise, resolve, reject } = Promise.withResolvers<CommandResult>();
  client.on('close', () => reject(new GatewayError('target-reset', `${place}: it broke the connection off`)));
  client.exec(command, (error, stream) => {
    if (error !== undefined) return reject(networkError(place, error));
    stream.on('data', taken.stdout);
    // Read on in any case: else it waits for ever to be rid of it.
    stream.stderr.on('data', taken.stderr);
    stream.on('close', (code: number | null) => resolve({ code: code ?? 255, output: taken.output() }));
    stream.end(input);
  });
  return promise;
}

/** What is kept of what a command says. */
interface Taken {
  stdout(chunk: Buffer): void;
  stderr(chunk: Buffer): void;
  output(): string;
}

function short(): Taken {
  let output = '';
  const take = (chunk: Buffer): void => {
    if (output.length < OUTPUT_MAX) output += chunk.toString('latin1').replace(/[^\x20-\x7e]+/g, ' ');
  };
  return { stdout: take, stderr: take, output: () => output.slice(0, OUTPUT_MAX) };
}

function long(): Taken {
  const chunks: Buffer[] = [];
  let length = 0;
  const stdout = (chunk: Buffer): void => {
    if (length >= LONG_OUTPUT_MAX) return;
    chunks.push(chunk);
    length += chunk.length;
  };
  return {
    stdout,
    stderr: () => undefined,
    output: () => Buffer.concat(chunks).subarray(0, LONG_OUTPUT_MAX).toString('utf8'),
  };
}

function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

function isSame(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
