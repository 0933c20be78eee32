/** The other kinds of job: a session whose credential nobody holds, and a look at what is there. */
import { portOf } from '../ports.ts';
import { TourError } from '../tour-error.ts';
import type { World } from '../world.ts';

const TITLE = 'shell';
const COMMAND = 'uptime';

/** Logs in at a machine through the gateway, shows the recording, and discovers the tour's own targets. */
export async function showWork(world: World): Promise<void> {
  const { narrator, targets } = world;
  if (targets === undefined) throw new TourError('the targets do not run');
  const { ssh } = targets;
  narrator.chapter('A session on a machine: the gateway logs in, its password never leaves the vault');
  const target = [
    '--host',
    '127.0.0.1',
    '--port',
    String(portOf(ssh.address)),
    '--protocol',
    'ssh',
    '--user',
    ssh.user,
  ];
  const add = ['record', 'add', '--type', 'machine', '--title', TITLE, ...target, '--password-stdin'];
  await world.admin(...add, { input: ssh.password });
  await world.admin('launch', TITLE, '--', COMMAND);
  narrator.seen('the command has ended at the target with exit code 0, and with it the session');
  await world.admin('recording', 'list');

  narrator.chapter('A discovery: what listens at the addresses that an instance may look at');
  const ports = [targets.web, ssh.address, targets.echo].map(portOf).join();
  await world.admin('action', 'discover', 'start', '--target', '127.0.0.1', '--ports', ports, '--wait');
}
