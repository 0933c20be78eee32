/**
 * A worker that can be killed: rotates one record when it is told to, with a vault that its parent keeps. Run with an IPC channel.
 */

import { Secret } from '../../../src/base/secret.ts';
import type { Credential, CredentialSet, Vault } from '../../../src/vault/index.ts';
import { createRotation } from '../../../src/workloads/rotation/index.ts';
import type { Task } from '../../../src/workloads/task.ts';

/** What the parent tells. */
export type ToWorker =
  | { readonly kind: 'rotate'; readonly task: Pick<Task, 'notice' | 'record' | 'resumed'> }
  | { readonly kind: 'answer'; readonly number: number; readonly set: PlainSet | null; readonly error: string | null };
/** What it tells the parent. */
export type FromWorker =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'ask';
      readonly number: number;
      readonly call: 'read' | 'change';
      readonly args: readonly unknown[];
    }
  | { readonly kind: 'ended'; readonly state: string; readonly message: string };

/** A set as the channel carries it. */
export type PlainSet = Omit<CredentialSet, 'versions'> & {
  readonly versions: readonly (Omit<CredentialSet['versions'][number], 'credential'> & {
    readonly credential: Plain;
  })[];
};
type Plain = { readonly [K in keyof Credential]: string | null };

/** Without secrets' wrapping. */
export function plain({ user, password, privateKey, passphrase, certificate }: Credential): Plain {
  const reveal = (secret: Secret<string> | null): string | null => secret?.reveal() ?? null;
  return {
    user,
    password: reveal(password),
    privateKey: reveal(privateKey),
    passphrase: reveal(passphrase),
    certificate,
  };
}

/** With it again. */
export function wrapped({ user, password, privateKey, passphrase, certificate }: Plain): Credential {
  const wrap = (text: string | null): Secret<string> | null => (text === null ? null : new Secret(text));
  return { user, password: wrap(password), privateKey: wrap(privateKey), passphrase: wrap(passphrase), certificate };
}

const waiting = new Map<number, PromiseWithResolvers<PlainSet>>();
const count = { asked: 0 };

async function ask(call: 'read' | 'change', args: readonly unknown[]): Promise<CredentialSet> {
  count.asked += 1;
  const answer = Promise.withResolvers<PlainSet>();
  waiting.set(count.asked, answer);
  tell({ kind: 'ask', number: count.asked, call, args });
  const set = await answer.promise;
  return { ...set, versions: set.versions.map((version) => ({ ...version, credential: wrapped(version.credential) })) };
}

const vault: Vault = {
  name: 'of the parent',
  read: (recordId) => ask('read', [recordId]),
  change: (at, change) =>
    ask('change', [at, change.kind === 'stage' ? { ...change, credential: plain(change.credential) } : change]),
};

async function rotate({ notice, record, resumed }: Extract<ToWorker, { kind: 'rotate' }>['task']): Promise<void> {
  const components = { vault, records: { find: () => [] }, findJob: async () => null, scripts: '/nonexistent' };
  const clocks = { unixMs: () => Date.now(), atMs: () => performance.now() };
  const cancelled = new AbortController().signal;
  const task = { notice, record, resumed, cancelled, parameters: [], report: () => undefined };
  const { state, message } = await createRotation({ ...components, ...clocks }).run(task);
  tell({ kind: 'ended', state, message });
}

function tell(message: FromWorker): void {
  process.send?.(message);
}

process.on('message', (message: ToWorker) => {
  if (message.kind === 'rotate') return void rotate(message.task);
  const answer = waiting.get(message.number);
  waiting.delete(message.number);
  if (message.set === null) answer?.reject(new Error(message.error ?? 'refused'));
  else answer?.resolve(message.set);
});
process.on('disconnect', () => process.exit());
tell({ kind: 'ready' });
