/** A standby waits, an instance dies, the tunnel goes on. */

import { type EchoConnection, openEcho } from '../echo-connections.ts';
import type { TourInstance } from '../instance.ts';
import { freeAddresses } from '../ports.ts';
import { TourError } from '../tour-error.ts';
import { until } from '../until.ts';
import type { World } from '../world.ts';
import { untilAgreed } from './beginning.ts';

/** Until connections of a killed process are known to be gone. */
const CLOSED_MS = 20_000;
/** Connections opened after the kill. */
const AFTERWARDS = 12;

/** Starts a standby, kills a serving instance, and shows that its seat is taken over and the tunnel still works. */
export async function showLoss(world: World): Promise<void> {
  const { narrator } = world;
  narrator.chapter('The pool is full again: a fifth instance waits as a hot standby');
  const [mesh = '', access = ''] = await freeAddresses(2);
  const standby = world.addInstance('gateway-5', { mesh, access });
  const args = ['start', '--config-file', world.configFile, '--standby'];
  narrator.command('gateway-5', `gateway ${args.join(' ')} &`);
  standby.start(args);
  await standby.untilState('standby');
  narrator.seen(`gateway-5: ${(await standby.ask({ kind: 'status' })).reason}`);

  const victim = await chooseVictim(world);
  narrator.chapter(`${victim.name} is killed without a chance to say good-bye`);
  narrator.command(victim.name, `kill -9 ${victim.instance.processId}`);
  const beganAtMs = performance.now();
  victim.instance.kill();
  await showTunnelWorks(world, victim.carried);
  await standby.untilState('admitted');
  const tookS = ((performance.now() - beganAtMs) / 1000).toFixed(1);
  const left = [...world.instances.keys()].filter((name) => name !== victim.name);
  await untilAgreed(world, { names: left, seats: left.length });
  narrator.seen(`the standby took the free seat ${tookS} s after the kill`);
  await world.admin('gateway', 'list');
}

interface Victim {
  readonly name: string;
  readonly instance: TourInstance;
  /** Connections that end with it. */
  readonly carried: number;
}

/** A worker that is not the entry: the client talks to that one, and a relayed connection would end with it too. */
async function chooseVictim(world: World): Promise<Victim> {
  const oldest = world.instance('gateway-1');
  const { members } = await oldest.ask({ kind: 'members' });
  const { jobs } = await oldest.ask({ kind: 'jobs', most: 200 });
  const running = jobs.filter(({ state, parent, recordTitle }) => {
    return state === 'running' && parent !== null && recordTitle === 'echo';
  });
  const forwarded = running.find(({ entry, worker }) => entry !== worker);
  const name = members.find(({ instanceId }) => instanceId === forwarded?.worker)?.name;
  if (name === undefined) throw new TourError('no connection runs on another instance than the entry');
  const carried = running.filter(({ worker }) => worker === forwarded?.worker).length;
  return { name, instance: world.instance(name), carried };
}

async function showTunnelWorks(world: World, carried: number): Promise<void> {
  const { narrator, connections, signal } = world;
  const isLiving = ({ isOpen }: EchoConnection): boolean => isOpen;
  const expected = connections.length - carried;
  const init = { what: `the end of ${carried} connections`, withinMs: CLOSED_MS, signal };
  await until(init, () => (connections.filter(isLiving).length <= expected ? true : undefined));
  const living = connections.filter(isLiving);
  await Promise.all(living.map((connection, index) => connection.echo(`after the kill ${index}\n`)));
  narrator.seen(`${connections.length - living.length} connections ended with it; the other ${living.length} go on`);
  const echo = world.tunnels?.echo ?? '';
  const opened = await Promise.all(Array.from({ length: AFTERWARDS }, (_, index) => openEcho(echo, `new ${index}\n`)));
  narrator.seen(`${opened.length} new connections through the same tunnel found their place on the others`);
  connections.splice(0, connections.length, ...living, ...opened);
}
