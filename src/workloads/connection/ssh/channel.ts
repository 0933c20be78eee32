import type { ClientChannel, PseudoTtyOptions } from 'ssh2';
import { GatewayError } from '../../../base/errors.ts';
import type { Variable } from '../../../wire/connection-message.ts';
import type { SshTarget } from './target.ts';

/** What to begin at the target. */
export interface ChannelInit {
  /** Null: no pty. */
  readonly pty: PseudoTtyOptions | null;
  /** Null: a shell. */
  readonly command: string | null;
  readonly environment: readonly Variable[];
}

/** Begins a shell or a command. Throws `target-refused`. */
export async function openChannel({ client }: SshTarget, init: ChannelInit): Promise<OpenChannel> {
  const env = Object.fromEntries(init.environment.map(({ name, value }) => [name, value]));
  const { promise, resolve, reject } = Promise.withResolvers<OpenChannel>();
  const done = (error: Error | undefined, channel: ClientChannel): void => {
    if (error === undefined || error === null) return resolve(follow(channel));
    reject(new GatewayError('target-refused', `the target refused the session: ${error.message}`, { cause: error }));
  };
  try {
    if (init.command === null) client.shell(init.pty ?? false, { env }, done);
    else client.exec(init.command, { env, ...(init.pty === null ? {} : { pty: init.pty }) }, done);
  } catch (cause) {
    throw new GatewayError('target-reset', 'the target closed the connection', { cause });
  }
  return promise;
}

/** Begins a subsystem, such as sftp. Throws `target-refused`. */
export async function openSubsystem({ client }: SshTarget, name: string): Promise<OpenChannel> {
  const { promise, resolve, reject } = Promise.withResolvers<OpenChannel>();
  client.subsys(name, (error, channel) => {
    if (error === undefined || error === null) return resolve(follow(channel));
    reject(new GatewayError('target-refused', `the target refused ${name}: ${error.message}`, { cause: error }));
  });
  return promise;
}

/** How a command ended. */
export interface ExitStatus {
  readonly code: number | null;
  /** Without SIG. */
  readonly signal: string | null;
}

/** A channel at the target. */
export interface OpenChannel {
  readonly channel: ClientChannel;
  /** Resolves when the channel is closed, with how the command ended if the target said so. */
  readonly closed: Promise<ExitStatus | null>;
}

/** Called where the channel is handed over: a fast command's end may be in the same packet, and is told only once. */
function follow(channel: ClientChannel): OpenChannel {
  const closed = new Promise<ExitStatus | null>((resolve) => {
    let status: ExitStatus | null = null;
    channel.on('exit', (code: number | null, signal?: string) => {
      status = { code, signal: signal?.replace(/^SIG/, '') ?? null };
    });
    channel.on('close', () => resolve(status));
  });
  channel.on('error', () => undefined);
  return { channel, closed };
}
