import { assertNever } from '../../src/base/assert.ts';
import { STAMP_ZERO } from '../../src/base/stamp.ts';
import type { Effect } from '../../src/core/index.ts';
import { decode, encode } from '../../src/wire/codec.ts';
import { limitSeal } from '../../src/wire/limit.ts';
import { type MemberRecord, memberRecordSeal } from '../../src/wire/member-record.ts';
import { directCodec, type Gossip, gossipCodec } from '../../src/wire/mesh-message.ts';
import { type Pulse, pulseSeal } from '../../src/wire/pulse.ts';
import { open, seal } from '../../src/wire/sealed.ts';
import { suspicionSeal } from '../../src/wire/suspicion.ts';
import { GATEWAY_UID } from './operator.ts';
import type { HostileAct } from './plan.ts';
import type { SimProcess } from './sim-process.ts';
import type { World } from './world.ts';

const ROUND_MS = 300;
const KEPT_GOSSIP = 200;

/**
 * Makes a member hostile: it goes on running the real machine with its own key, as somebody who has taken over one server would, but lies in what
 * it sends and sends what it should not. It knows the pool secret and its own key, and no other key.
 */
export function becomeHostile(world: World, process: SimProcess, acts: readonly HostileAct[]): void {
  const wanted = new Set(acts);
  const heard: Uint8Array[] = [];
  const receive = process.receive.bind(process);
  process.receive = (event) => {
    if (event.kind === 'gossip' && heard.length < KEPT_GOSSIP) heard.push(event.bytes);
    receive(event);
  };
  process.tamper = (effect) => [lie(world, process, wanted, effect)];
  const round = (): void => {
    if (!process.running) return;
    for (const act of acts) attack(world, process, act, heard);
    world.after(ROUND_MS, round);
  };
  round();
}

function lie(world: World, process: SimProcess, acts: ReadonlySet<HostileAct>, effect: Effect): Effect {
  if (effect.kind === 'send' && acts.has('early-stamp'))
    return { ...effect, bytes: withEarlyStamps(world, process, effect.bytes) };
  if (effect.kind !== 'publish') return effect;
  const gossip = decode(gossipCodec, effect.bytes, effect.bytes.length);
  if (gossip.kind === 'member-record' && acts.has('early-stamp')) {
    return {
      kind: 'publish',
      bytes: encode(gossipCodec, { ...gossip, sealed: earlier(world, process, gossip.sealed) }),
    };
  }
  if (gossip.kind === 'pulse' && acts.has('lying-load')) {
    world.faults.count('hostile-lying-load');
    const { value } = open(pulseSeal, gossip.sealed, world.keyring.verify);
    const load = {
      ...value.load,
      number: value.load.number + 1_000_000,
      reservedKib: 0,
      budgetKib: 2 ** 40,
      busyPerMille: 0,
    };
    const pulse: Pulse = { ...value, load };
    return {
      kind: 'publish',
      bytes: encode(gossipCodec, { kind: 'pulse', sealed: seal(pulseSeal, pulse, [process.disk.identity]) }),
    };
  }
  return effect;
}

function withEarlyStamps(world: World, process: SimProcess, bytes: Uint8Array): Uint8Array {
  const message = decode(directCodec, bytes, bytes.length);
  if (message.kind === 'hello')
    return encode(directCodec, { ...message, record: earlier(world, process, message.record) });
  if (message.kind === 'claim')
    return encode(directCodec, { ...message, record: earlier(world, process, message.record) });
  if (message.kind === 'member-record')
    return encode(directCodec, { ...message, sealed: earlier(world, process, message.sealed) });
  return bytes;
}

/** The own record with the earliest stamps there are, claiming to have been there before everybody. */
function earlier(world: World, process: SimProcess, sealed: Uint8Array): Uint8Array {
  const { value } = open(memberRecordSeal, sealed, world.keyring.verify);
  if (value.instanceId !== process.id) return sealed;
  world.faults.count('hostile-early-stamp');
  const record: MemberRecord = { ...value, joinedAt: { unixMs: 1, counter: 0 }, startedAt: STAMP_ZERO };
  return seal(memberRecordSeal, record, [process.disk.identity]);
}

function attack(world: World, process: SimProcess, act: HostileAct, heard: readonly Uint8Array[]): void {
  const { random, network, operator, faults } = world;
  const publish = (message: Gossip): void => network.publish(process, encode(gossipCodec, message));
  const identity = process.disk.identity;
  switch (act) {
    case 'forged-record': {
      const record = someRecord(process, random.pick(world.live()));
      if (record === undefined) return;
      faults.count('hostile-forged-record');
      const forged: MemberRecord = { ...record, sequence: record.sequence + 1000, state: 'left', seat: null };
      const sealed = seal(memberRecordSeal, forged, [
        random.chance(500) ? identity : { id: record.instanceId, sign: identity.sign },
      ]);
      publish({ kind: 'member-record', sealed });
      return;
    }
    case 'forged-limit': {
      faults.count('hostile-forged-limit');
      const limit = {
        gatewayUid: GATEWAY_UID,
        maxInstances: 99,
        version: operator.version + 10,
        issuedUnixMs: 1,
        expiresUnixMs: null,
      };
      publish({ kind: 'limit', sealed: seal(limitSeal, limit, [{ id: operator.key.id, sign: identity.sign }]) });
      publish({ kind: 'limit', sealed: seal(limitSeal, limit, [identity]) });
      return;
    }
    case 'replayed-limit': {
      const old = random.pick(operator.limits);
      if (old === undefined) return;
      faults.count('hostile-replayed-limit');
      return publish({ kind: 'limit', sealed: old.sealed });
    }
    case 'false-accusation': {
      const victim = random.pick(world.live());
      const record = someRecord(process, victim);
      if (record === undefined) return;
      faults.count('hostile-false-accusation');
      const { instanceId: accused, incarnation, sequence: recordSequence } = record;
      const suspicion = {
        accuser: process.id,
        accused,
        incarnation,
        recordSequence,
        pulseSequence: Number.MAX_SAFE_INTEGER,
      };
      return publish({ kind: 'suspicion', sealed: seal(suspicionSeal, suspicion, [identity]) });
    }
    case 'replayed-gossip': {
      const old = random.pick(heard);
      if (old === undefined) return;
      faults.count('hostile-replayed-gossip');
      return network.publish(process, old);
    }
    case 'noise': {
      faults.count('hostile-noise');
      const noise = mutated(random.pick(heard) ?? random.bytes(random.below(300)), () => random.uint32());
      network.publish(process, noise);
      for (const peer of process.links.keys()) network.send(process, peer, noise);
      return;
    }
    // These two are told instead of the truth, not sent in addition.
    case 'early-stamp':
    case 'lying-load':
      return;
    default:
      assertNever(act);
  }
}

function someRecord(process: SimProcess, victim: SimProcess | undefined): MemberRecord | undefined {
  if (victim === undefined || victim === process) return undefined;
  const { members } = process.machine.view({ atMs: 0 });
  return members.find(({ record }) => record.instanceId === victim.id)?.record;
}

/** The bytes with a few of them changed, cut off or added. */
export function mutated(bytes: Uint8Array, uint32: () => number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (let change = uint32() % 4; change >= 0 && copy.length > 0; change--)
    copy[uint32() % copy.length] = uint32() & 0xff;
  if (uint32() % 4 === 0) return copy.slice(0, uint32() % (copy.length + 1));
  return copy;
}
