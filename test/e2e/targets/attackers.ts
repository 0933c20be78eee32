/** People who mean harm, or programs that are lost: each does one thing to a listener, again and again, until it is told to stop. */

import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import type { Libp2p } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { BufferReclaim } from '../../../src/access/buffer-reclaim.ts';
import { createAccessNode } from '../../../src/access/node.ts';
import { derivePoolKeys } from '../../../src/core/index.ts';
import { createMesh, type Mesh } from '../../../src/mesh/index.ts';
import { Protocol } from '../../../src/wire/protocols.ts';
import type { Random } from '../../simulator/random.ts';

/** Where and how long. */
export interface AttackInit {
  /** `HOST:PORT`. */
  readonly address: string;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** Does its thing until the signal comes; the answer is how often. */
export type Attack = (init: AttackInit) => Promise<number>;

/** Between two acts of one attacker, in milliseconds. */
const PACE_MS = 20;
/** Connections that one attacker holds open without a word. */
const HELD_MAX = 80;
const STEP_MS = 3000;
const NEGOTIATION = { multistream: '\x13/multistream/1.0.0\n', tls: '\x0b/tls/1.0.0\n', noise: '\x07/noise\n' };

/** Random bytes of random length, ended, reset or left standing. */
export const sendNoise: Attack = (init) =>
  repeatedly(init, async () => {
    const { random } = init;
    const socket = dialRaw(init.address);
    socket.write(random.bytes(random.between(1, 8000)));
    await delay(random.below(50));
    if (random.chance(300)) socket.end();
    else if (random.chance(500)) socket.resetAndDestroy();
    else setTimeout(() => socket.destroy(), STEP_MS);
  });

/** Connects and says nothing, or only the beginning of something; the oldest goes when there are too many. */
export const holdHalfOpen: Attack = async (init) => {
  const held: Socket[] = [];
  const count = await repeatedly(init, async () => {
    const socket = dialRaw(init.address);
    socket.write(NEGOTIATION.multistream.slice(0, init.random.below(20)), 'latin1');
    held.push(socket);
    if (held.length > HELD_MAX) held.shift()?.destroy();
  });
  for (const socket of held) socket.destroy();
  return count;
};

/** Begins as a client does and goes on with lengths that cannot be, or with noise. */
export const negotiateBadly: Attack = (init) =>
  repeatedly(init, async () => {
    const { random } = init;
    const socket = dialRaw(init.address);
    const next = random.pick([NEGOTIATION.tls, NEGOTIATION.noise, '\xff\xff\xff\xff\x7f', '\x05/x/1\n']) ?? '';
    socket.write(
      Buffer.concat([Buffer.from(NEGOTIATION.multistream + next, 'latin1'), random.bytes(random.below(2000))]),
    );
    setTimeout(() => socket.destroy(), random.below(STEP_MS));
  });

/** Finishes the TLS handshake without the certificate that says who is there. */
export const hideIdentity: Attack = (init) =>
  repeatedly(init, async () => {
    const tcp = dialRaw(init.address);
    tcp.write(NEGOTIATION.multistream + NEGOTIATION.tls, 'latin1');
    const expected = NEGOTIATION.multistream.length + NEGOTIATION.tls.length;
    if (!(await hasSaid(tcp, expected))) return;
    const tls = connectTls({ socket: tcp, rejectUnauthorized: false, ALPNProtocols: ['libp2p'] });
    tls.on('error', () => undefined);
    setTimeout(() => tls.destroy(), 500);
  });

/** Somebody with a key of its own, who speaks the protocols and sends frames that are too long, too short or senseless. */
export function speakNonsense(keySeed: Uint8Array): Attack {
  return async (init) => {
    const node = await createAccessNode({ keySeed, listen: [], announce: [], reclaim: new BufferReclaim() });
    await node.start();
    try {
      return await repeatedly(init, () => sendNonsense(node, init));
    } finally {
      await node.stop();
    }
  };
}

/** An insider: it has the pool's secret and sends members what no instance would. */
export function betray(secret: Uint8Array, gatewayUid: string): Attack {
  return async (init) => {
    const mesh = outsiderMesh(secret, gatewayUid);
    await mesh.start(AbortSignal.timeout(STEP_MS));
    try {
      return await repeatedly(init, async () => {
        const { random, signal } = init;
        const peer = await mesh.connect([init.address], signal);
        mesh.send(peer, random.bytes(random.between(1, 20_000)));
        mesh.publish(random.bytes(random.between(1, 2000)));
        if (random.chance(50)) mesh.disconnect(peer);
      });
    } finally {
      await mesh.stop();
    }
  };
}

/** An insider with a plan: it has the pool's secret, connects to one member, and sends it what `plan` makes for that member. */
export async function tellLies(
  {
    secret,
    gatewayUid,
    address,
  }: { readonly secret: Uint8Array; readonly gatewayUid: string; readonly address: string },
  plan: (peer: string) => { readonly direct: readonly Uint8Array[]; readonly gossip: readonly Uint8Array[] },
): Promise<void> {
  const mesh = outsiderMesh(secret, gatewayUid);
  await mesh.start(AbortSignal.timeout(STEP_MS));
  try {
    const peer = await mesh.connect([address], AbortSignal.timeout(STEP_MS));
    const { direct, gossip } = plan(peer);
    for (const bytes of direct) mesh.send(peer, bytes);
    for (const bytes of gossip) mesh.publish(bytes);
    // Whatever it leads to has begun before the link goes.
    await delay(PACE_MS);
  } finally {
    await mesh.stop();
  }
}

async function sendNonsense(node: Libp2p, { address, random, signal }: AttackInit): Promise<void> {
  const [host, port] = address.split(':');
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(STEP_MS)]);
  const connection = await node.dial(multiaddr(`/ip4/${host}/tcp/${port}`), { signal: bounded });
  const protocol = random.pick([Protocol.accessControl, Protocol.accessSession, '/pam-access/1/nothing']) ?? '';
  const stream = await connection.newStream(protocol, { signal: bounded, maxOutboundStreams: 1000 });
  stream.send(random.pick([oversized, truncated, senseless, empty])?.(random) ?? empty());
  if (random.chance(300)) stream.abort(new Error('gone'));
  if (random.chance(50)) connection.abort(new Error('gone'));
}

function oversized(random: Random): Uint8Array {
  return Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xff]), random.bytes(random.below(4000))]);
}

function truncated(random: Random): Uint8Array {
  return Buffer.concat([Buffer.from([0, 0, 0x10, 0]), random.bytes(random.below(4000))]);
}

function senseless(random: Random): Uint8Array {
  const body = random.bytes(random.between(1, 3000));
  return Buffer.concat([Buffer.from([0, 0, body.length >> 8, body.length & 0xff]), body]);
}

function empty(): Uint8Array {
  return Buffer.alloc(4);
}

function outsiderMesh(secret: Uint8Array, gatewayUid: string): Mesh {
  const { poolTopic, networkKey, discoveryTag } = derivePoolKeys({ secret, gatewayUid });
  return createMesh({
    identity: new Uint8Array(randomBytes(32)),
    poolTopic,
    networkKey: networkKey.reveal(),
    discoveryTag,
    listen: [],
    announce: [],
    mdns: false,
    onEvent: () => undefined,
  });
}

/** Acts at a pace until the signal comes; an act that fails was refused, which is what is wanted. */
async function repeatedly({ signal }: AttackInit, act: () => Promise<unknown>): Promise<number> {
  let acts = 0;
  while (!signal.aborted) {
    await act().catch(() => undefined);
    acts += 1;
    await delay(PACE_MS);
  }
  return acts;
}

/** From a host of its own, so that what is counted for each host is counted for the attackers. */
function dialRaw(address: string): Socket {
  const [host = '', port] = address.split(':');
  return connect({ host, port: Number(port), localAddress: ATTACKERS_HOST })
    .on('error', () => undefined)
    .resume();
}

const ATTACKERS_HOST = '127.66.66.66';

/** True once the other side has sent so many bytes; false if it closes. What follows stays in the socket. */
function hasSaid(socket: Socket, bytes: number): Promise<boolean> {
  socket.pause();
  return new Promise((resolve) => {
    const look = (): void => {
      if (socket.readableLength < bytes) return;
      socket.read(bytes);
      socket.off('readable', look);
      resolve(true);
    };
    socket.on('readable', look);
    socket.once('close', () => resolve(false));
  });
}
