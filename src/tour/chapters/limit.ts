/** The limit: lowered, it stops nobody; full is full; raised, there is room at once. */
import type { TourInstance } from '../instance.ts';
import { freeAddresses } from '../ports.ts';
import { TourError } from '../tour-error.ts';
import { until } from '../until.ts';
import { GATEWAY_NAME, type World } from '../world.ts';
import { untilAgreed } from './beginning.ts';

/** The exit code of an instance for which there is no seat. */
const EXIT_POOL_FULL = 3;
const REFUSED = 'Maximum instances reached: 3 of 2 (this instance would be rank 3)';

/** It looks for the others, sees that the pool stays full, and ends. */
const REFUSED_MS = 40_000;

/** Lowers the limit below what runs, is refused a fourth instance, raises the limit and gets it admitted. */
export async function showLimit(world: World): Promise<void> {
  const { narrator } = world;
  narrator.chapter('The admin lowers the limit: nobody is stopped, and nobody new gets in');
  await world.admin('gateway', 'set-max-instances', '-g', GATEWAY_NAME, '-m', '2');
  await Promise.all(world.connections.map((connection, index) => connection.echo(`still here ${index}\n`)));
  narrator.seen(`all ${world.connections.length} connections still carry bytes; all three instances serve`);
  const [mesh = '', access = ''] = await freeAddresses(2);
  const fourth = world.addInstance('gateway-4', { mesh, access });
  await showRefusal(world, fourth);

  narrator.chapter('The limit is raised to 4: the same command is admitted');
  await world.admin('gateway', 'set-max-instances', '-g', GATEWAY_NAME, '-m', '4');
  const args = ['start', '--config-file', world.configFile];
  narrator.command('gateway-4', `gateway ${args.join(' ')} &`);
  fourth.start(args);
  await fourth.untilState('admitted');
  await untilAgreed(world, { names: ['gateway-1', 'gateway-4'], seats: 4 });
  await world.server('gateway-4', 'debug', 'admission');
}

/** Runs the fourth instance to its end; the reason stands on its last lines. */
async function showRefusal({ narrator, programs, configFile, signal }: World, fourth: TourInstance): Promise<void> {
  const args = ['start', '--config-file', configFile];
  narrator.command('gateway-4', `gateway ${args.join(' ')}`);
  // Without its log the reason is all that it says.
  const env = { ...fourth.env, GATEWAY_LOG_LEVEL: 'silent' };
  const child = programs.start({ program: 'gateway', args, env, stdio: ['ignore', 'ignore', 'pipe'] });
  const said: Buffer[] = [];
  child.stderr?.on('data', (chunk: Buffer) => void said.push(chunk));
  let ended: { readonly code: number | null } | undefined;
  child.once('close', (code) => {
    ended = { code };
  });
  const { code } = await until({ what: 'the end of a fourth instance', withinMs: REFUSED_MS, signal }, () => ended);
  const text = Buffer.concat(said).toString().trim();
  narrator.note(text);
  if (code !== EXIT_POOL_FULL || text.split('\n').at(-1) !== REFUSED) {
    throw new TourError(`a fourth instance was not refused as it has to be, but ended with exit code ${code}`);
  }
  narrator.seen(`refused with exit code ${EXIT_POOL_FULL}, the reason on its last line`);
}
