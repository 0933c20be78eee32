/** Several hosts on one network of their own: a network namespace each, joined by a bridge in a further one. Nothing of the machine's own network changes. */

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { afterEach } from 'vitest';
import type { Site } from './pool.ts';

const NAMESPACES = '/run/netns';
/** Names are `pam-e2e-PROCESS-NUMBER-HOST`: what a killed test run left behind is known by its process. */
const PREFIX = 'pam-e2e-';
const TABLE = 'inet cut';
const MESH_PORT = 7400;
const ACCESS_PORT = 7401;
/** Hosts of one network: one byte of an address, and some left over. */
const HOSTS_MAX = 200;

/** A network of hosts that can be cut. */
export class Network {
  readonly #prefix: string;
  readonly #switch: string;
  readonly #hosts = new Map<string, string>();

  /** Makes a network without hosts; `number` tells networks of one process apart. */
  constructor(number: number) {
    this.#prefix = `${PREFIX}${process.pid}-${number}-`;
    this.#switch = `${this.#prefix}switch`;
    ip('netns', 'add', this.#switch);
    ip('-n', this.#switch, 'link', 'add', 'bridge', 'type', 'bridge');
    ip('-n', this.#switch, 'link', 'set', 'bridge', 'up');
  }

  /** Where an instance on the host of this name listens; the host is made if it is new. */
  site(name: string): Site {
    const host = this.#hosts.get(name) ?? this.#addHost(name);
    return {
      mesh: `${host}:${MESH_PORT}`,
      access: `${host}:${ACCESS_PORT}`,
      enter: ['ip', 'netns', 'exec', this.#namespace(name)],
    };
  }

  /** From now on nothing passes between the hosts of one side and those of the other; packets vanish without an answer. */
  cut(left: readonly string[], right: readonly string[]): void {
    for (const name of left) this.#drop(name, right);
    for (const name of right) this.#drop(name, left);
  }

  /** From now on nothing passes to or from this host. */
  silence(name: string): void {
    this.#filter(name, 'drop', 'drop');
  }

  /** Everything passes again everywhere. */
  heal(): void {
    for (const name of this.#hosts.keys()) this.#flush(name);
  }

  /** Removes the namespaces and with them the links and filters inside; processes in them must have ended. */
  end(): void {
    for (const name of [...this.#hosts.keys()].map((host) => this.#namespace(host))) deleteNamespace(name);
    deleteNamespace(this.#switch);
    this.#hosts.clear();
  }

  #addHost(name: string): string {
    const number = this.#hosts.size + 1;
    if (number > HOSTS_MAX) throw new Error(`a test network has at most ${HOSTS_MAX} hosts`);
    const [namespace, port, address] = [this.#namespace(name), `port${number}`, `10.77.0.${number}`];
    ip('netns', 'add', namespace);
    this.#hosts.set(name, address);
    ip('-n', this.#switch, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
    ip('-n', this.#switch, 'link', 'set', port, 'master', 'bridge', 'up');
    ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0');
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
    ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    // Local discovery sends to a group that no other route leads to.
    ip('-n', namespace, 'route', 'add', '224.0.0.0/4', 'dev', 'eth0');
    return address;
  }

  #drop(name: string, others: readonly string[]): void {
    const addresses = others.map((other) => this.#hosts.get(other) ?? '').join(', ');
    this.#filter(name, `ip saddr { ${addresses} } drop`, `ip daddr { ${addresses} } drop`);
  }

  #filter(name: string, incoming: string, outgoing: string): void {
    const rules = [
      `add table ${TABLE}`,
      `flush table ${TABLE}`,
      `add chain ${TABLE} incoming { type filter hook input priority 0; }`,
      `add chain ${TABLE} outgoing { type filter hook output priority 0; }`,
      `add rule ${TABLE} incoming iifname "eth0" ${incoming}`,
      `add rule ${TABLE} outgoing oifname "eth0" ${outgoing}`,
    ];
    execFileSync('ip', ['netns', 'exec', this.#namespace(name), 'nft', '-f', '-'], { input: `${rules.join('\n')}\n` });
  }

  #flush(name: string): void {
    const rules = `add table ${TABLE}\ndelete table ${TABLE}\n`;
    execFileSync('ip', ['netns', 'exec', this.#namespace(name), 'nft', '-f', '-'], { input: rules });
  }

  #namespace(name: string): string {
    return `${this.#prefix}${name}`;
  }
}

/** Makes networks that end with the test that made them; register before `usePools`, so that their processes end first. */
export function useNetworks(): () => Network {
  const networks = new Set<Network>();
  let made = 0;
  const end = (): void => {
    for (const network of networks) network.end();
    networks.clear();
  };
  process.on('exit', end);
  afterEach(end);
  return () => {
    sweep();
    made += 1;
    const network = new Network(made);
    networks.add(network);
    return network;
  };
}

/** Removes what processes left behind that were killed before they could. */
function sweep(): void {
  const found = existsSync(NAMESPACES) ? readdirSync(NAMESPACES) : [];
  for (const name of found) {
    const maker = /^pam-e2e-(\d+)-/.exec(name)?.[1];
    if (maker !== undefined && !existsSync(`/proc/${maker}`)) deleteNamespace(name);
  }
}

function deleteNamespace(name: string): void {
  if (existsSync(`${NAMESPACES}/${name}`)) ip('netns', 'delete', name);
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args);
}
