/** A host of its own with one instance, as its process tells of it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import { relayOf } from '../../src/mesh/address.ts';
import type { Network } from '../e2e/harness/network.ts';
import type { Sight, Tidings } from './nat-process.ts';

const PROGRAM = fileURLToPath(new URL('nat-process.ts', import.meta.url));
/** Starting processes takes seconds on a busy machine, and a relay is asked for only after a while. */
const DEADLINE_MS = 40_000;

/** A host in a network; see `useHosts`. */
export class Host {
  readonly #process: ChildProcess;
  readonly #enter: readonly string[];
  readonly #address: string;
  readonly #watchers = new Set<(sight: Sight) => void>();
  #sight: Sight | undefined;

  /** Starts the instance; it listens on the host's address unless said. */
  constructor(network: Network, name: string, listen?: string) {
    const { mesh, enter = [] } = network.site(name);
    const [address = '', port = ''] = mesh.split(':');
    const [command = '', ...args] = [...enter, process.execPath, PROGRAM, name, listen ?? address, port];
    this.#enter = enter;
    this.#address = address;
    this.#process = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#process.on('message', (sight: Sight) => {
      this.#sight = sight;
      for (const watch of [...this.#watchers]) watch(sight);
    });
  }

  /** Its peer id. */
  get id(): string {
    return this.#sight?.id ?? '';
  }

  /** Its listen addresses. */
  get addresses(): readonly string[] {
    return this.#sight?.addresses ?? [];
  }

  /** Those it has reservations on. */
  get relays(): readonly string[] {
    return [...new Set(this.addresses.flatMap((address) => relayOf(address) ?? []))];
  }

  /** `link-up` and `link-down` of one peer, in order. */
  historyOf(peer: Host): readonly string[] {
    const entries = this.#sight?.history.filter((entry) => entry.endsWith(` ${peer.id}`)) ?? [];
    return entries.map((entry) => entry.split(' ')[0] ?? '');
  }

  /** From now on no connection comes in, as behind a NAT without forwarded ports; except from a neighbour. */
  shut(neighbour?: Host): void {
    shut(this.#enter, neighbour === undefined ? undefined : neighbour.#address);
  }

  /** Connections come in again. */
  open(): void {
    filter(this.#enter, 'delete table inet shut');
  }

  /** Calls back now and whenever it sees something new. */
  watch(watcher: (sight: Sight) => void): void {
    this.#watchers.add(watcher);
    if (this.#sight !== undefined) watcher(this.#sight);
  }

  /** Tells its instance something. */
  tell(tidings: Tidings): void {
    if (this.#process.connected) this.#process.send(tidings);
  }

  /** Waits until the instance sees that. */
  async until(what: string, condition: (sight: Sight) => boolean): Promise<void> {
    const done = Promise.withResolvers<void>();
    const late = setTimeout(() => done.reject(new Error(`not ${what}: ${JSON.stringify(this.#sight)}`)), DEADLINE_MS);
    const check = (sight: Sight): void => {
      if (condition(sight)) done.resolve();
    };
    this.watch(check);
    await done.promise.finally(() => clearTimeout(late));
    this.#watchers.delete(check);
  }

  /** Ends the process without a word to anybody. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }
}

/** From now on no connection comes in there, except from one address. */
export function shut(enter: readonly string[], address?: string): void {
  const others = address === undefined ? '' : `ip saddr != ${address}`;
  filter(enter, 'add table inet shut\nadd chain inet shut incoming { type filter hook input priority 0; }');
  filter(enter, `add rule inet shut incoming iifname "eth0" ${others} tcp flags & (syn | ack) == syn drop`);
}

function filter([command = '', ...args]: readonly string[], rules: string): void {
  execFileSync(command, [...args, 'nft', '-f', '-'], { input: `${rules}\n` });
}

/** Starts hosts that end with the test; register after `useNetworks`, so that their processes end first. */
export function useHosts(): (network: Network, name: string, listen?: string) => Promise<Host> {
  const hosts: Host[] = [];
  afterEach(async () => {
    await Promise.all(hosts.splice(0).map((host) => host.kill()));
  });
  return async (network, name, listen) => {
    const host = new Host(network, name, listen);
    hosts.push(host);
    await host.until('started', () => true);
    return host;
  };
}

/** Tells everybody everybody's addresses, also when they change, as member records would. */
export function introduce(all: readonly Host[]): void {
  const tellAll = (): void => {
    for (const host of all) {
      const others = all.filter((other) => other !== host).map(({ addresses }) => addresses);
      host.tell({ kind: 'others', addresses: others });
    }
  };
  for (const host of all) {
    let told = '';
    host.watch(({ addresses }) => {
      if (addresses.join() === told) return;
      told = addresses.join();
      tellAll();
    });
  }
}

/** Waits until everybody is linked with everybody. */
export async function untilLinked(all: readonly Host[]): Promise<void> {
  const untilOne = (host: Host): Promise<void> => {
    const others = all.filter((other) => other !== host);
    return host.until('linked to all', ({ linked }) => others.every(({ id }) => linked.includes(id)));
  };
  await Promise.all(all.map(untilOne));
}

/** Sends a text over the link and waits until it is heard. */
export async function talk(from: Host, to: Host, text: string): Promise<void> {
  from.tell({ kind: 'say', to: to.id, text });
  await to.until(`hearing "${text}"`, ({ heard }) => heard.includes(`${from.id} ${text}`));
}
