/** One configuration, three processes, a pool. */
import { freeAddresses } from '../ports.ts';
import { startTargets } from '../targets.ts';
import { until } from '../until.ts';
import { GATEWAY_NAME, type World } from '../world.ts';

const FIRST_THREE = ['gateway-1', 'gateway-2', 'gateway-3'] as const;
/** Starting processes takes its time on a machine that is busy with other things. */
const AGREED_MS = 40_000;

/** Writes the configuration and brings up three instances at the same instant. */
export async function showBeginning(world: World): Promise<void> {
  const { narrator } = world;
  narrator.say(
    'A gateway pool on this machine. Each instance below is a process of its own and stands for a server; addresses',
    'and data directories are set in its environment, everything else is typed as on real servers.',
  );
  narrator.chapter('A gateway: one configuration for all servers, one key for its admin');
  const addresses = await freeAddresses(2 * FIRST_THREE.length);
  const [mesh, access] = [addresses.slice(0, FIRST_THREE.length), addresses.slice(FIRST_THREE.length)];
  const told = [
    ...mesh.flatMap((address) => ['--bootstrap', address]),
    ...access.flatMap((address) => ['--address', address]),
  ];
  await world.admin('gateway', 'new', '-n', GATEWAY_NAME, '-m', '3', '-o', world.folder, ...told);
  world.targets = await startTargets();

  narrator.chapter('Three instances start at once and find each other; nobody coordinates them');
  for (const [index, name] of FIRST_THREE.entries()) {
    const args = ['start', '--config-file', world.configFile];
    narrator.command(name, `gateway ${args.join(' ')} &`);
    world.addInstance(name, { mesh: mesh[index] ?? '', access: access[index] ?? '' }).start(args);
  }
  const beganAtMs = performance.now();
  await untilAgreed(world, { names: FIRST_THREE, seats: FIRST_THREE.length });
  const tookS = ((performance.now() - beganAtMs) / 1000).toFixed(1);
  narrator.seen(`all three hold a seat and see the same order, ${tookS} s after the processes were started`);
  await world.server('gateway-2', 'debug', 'members');
}

/** Waits until these instances see this many seats held and all agree with each other. */
export async function untilAgreed(
  world: World,
  expected: { readonly names: readonly string[]; readonly seats: number },
): Promise<void> {
  const { names, seats } = expected;
  const init = {
    what: `agreement of ${names.join(', ')} on ${seats} seats`,
    withinMs: AGREED_MS,
    signal: world.signal,
  };
  await until(init, async () => {
    for (const name of names) {
      const instance = world.instance(name);
      instance.assertRunning();
      const { seatsHeld, agreement } = await instance.ask({ kind: 'admission' });
      if (seatsHeld !== seats || agreement.agree !== agreement.of || agreement.of < names.length) return undefined;
    }
    return true;
  });
}
