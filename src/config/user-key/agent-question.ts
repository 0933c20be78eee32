import type { Duplex } from 'node:stream';
import type { AgentProtocol } from 'ssh2';
import { GatewayError } from '../../base/errors.ts';

/** Where the agent is found, and how long it may be waited for. */
export interface AgentInit {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** Asks the agent, over a protocol of ssh2 that is connected to it. */
export type AgentQuestion<T> = (
  protocol: AgentProtocol,
  done: (failure: Error | null | undefined, answer?: T) => void,
) => void;

/** As long as a job request waits: its owner may have to confirm each signature (ssh-add -c). */
const ANSWER_MS = 30_000;
/** Where OpenSSH's agent is on Windows, which sets no variable. */
const WINDOWS_PIPE = '\\\\.\\pipe\\openssh-ssh-agent';
const START_ONE = 'Start one with: eval "$(ssh-agent)"; then: ssh-add ~/.ssh/id_ed25519';

/**
 * One question over a connection of its own. Throws `bad-config` where no agent is there, `timeout`, `cancelled`; what the agent says no to is an
 * error of the library.
 */
export async function askAgent<T>({ env, signal }: AgentInit, question: AgentQuestion<T>): Promise<T> {
  const path = agentPath(env);
  const { default: ssh2 } = await import('ssh2');
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const onAbort = (): void => reject(new GatewayError('cancelled', 'given up before the ssh-agent answered'));
  const late = setTimeout(() => reject(silent()), ANSWER_MS);
  signal.addEventListener('abort', onAbort, { once: true });
  let stream: Duplex | undefined;
  let isOver = false;
  const onStream = (error: Error | null | undefined, connected?: Duplex): void => {
    if (error || connected === undefined) return reject(unreachable(path, error));
    if (isOver) return void connected.destroy();
    stream = connected;
    const protocol = new ssh2.AgentProtocol(true);
    protocol.on('error', reject);
    for (const event of ['error', 'end', 'close']) connected.on(event, () => reject(unreachable(path)));
    protocol.pipe(connected).pipe(protocol);
    question(protocol, (failure, answer) =>
      failure || answer === undefined ? reject(failure ?? new Error('no answer')) : resolve(answer),
    );
  };
  try {
    if (signal.aborted) onAbort();
    ssh2.createAgent(path).getStream?.(onStream);
    return await promise;
  } finally {
    isOver = true;
    clearTimeout(late);
    signal.removeEventListener('abort', onAbort);
    stream?.destroy();
  }
}

function agentPath(env: AgentInit['env']): string {
  const path = env['SSH_AUTH_SOCK'];
  if (path !== undefined && path !== '') return path;
  if (process.platform === 'win32') return WINDOWS_PIPE;
  throw new GatewayError('bad-config', 'no ssh-agent: SSH_AUTH_SOCK is not set', { remedy: START_ONE });
}

function unreachable(path: string, cause?: unknown): GatewayError {
  const message = `no ssh-agent answers at SSH_AUTH_SOCK (${path})`;
  return new GatewayError('bad-config', message, { cause, remedy: START_ONE });
}

function silent(): GatewayError {
  return new GatewayError('timeout', `the ssh-agent did not answer within ${ANSWER_MS / 1000} s`, {
    remedy: 'Confirm where the agent asks, or load the key without ssh-add -c.',
  });
}
