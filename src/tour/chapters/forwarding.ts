/** Records, tunnels, and where their connections land. */

import type { JobReport } from '../../api/client.ts';
import { openEcho } from '../echo-connections.ts';
import { freeAddresses, portOf } from '../ports.ts';
import { PAGE, type Targets } from '../targets.ts';
import { TourError } from '../tour-error.ts';
import { startTourTunnel } from '../tunnel.ts';
import { until } from '../until.ts';
import type { World } from '../world.ts';

const CONNECTIONS = 30;
const TOLD_MS = 20_000;
const PAGE_MS = 20_000;

/** Adds two records, tunnels to them, opens connections and shows which instances carry them. */
export async function showForwarding(world: World): Promise<void> {
  const { narrator, targets } = world;
  if (targets === undefined) throw new TourError('the targets do not run');
  narrator.chapter('Two records: what can be reached through the gateway');
  await addRecords(world, targets);
  narrator.chapter(`A tunnel; ${CONNECTIONS} connections through it land where the load is least`);
  const [echo = '', web = ''] = await freeAddresses(2);
  const { programs, adminEnv: env, signal } = world;
  await startTourTunnel({ record: 'echo', port: portOf(echo), programs, env, narrator, signal });
  await startTourTunnel({ record: 'web', port: portOf(web), programs, env, narrator, signal });
  world.tunnels = { echo, web };
  const opened = Array.from({ length: CONNECTIONS }, (_, index) => openEcho(echo, `connection ${index}\n`));
  world.connections.push(...(await Promise.all(opened)));
  narrator.note('');
  narrator.seen(`${CONNECTIONS} connections are open, and each got its own bytes back from the echo target`);
  const jobs = await untilSpread(world);
  narrator.seen(`they run on ${formatSpread(world, jobs)}`);
  await fetchPage(web);
  narrator.seen(`http://${web} answers: ${PAGE}`);
  await world.server('gateway-1', 'debug', 'load');
  await showPath(world, jobs);
}

async function addRecords(world: World, { echo, web }: Targets): Promise<void> {
  const record = (title: string, address: string): Promise<void> => {
    const target = ['--host', '127.0.0.1', '--port', String(portOf(address)), '--protocol', 'tcp'];
    return world.admin('record', 'add', '--type', 'machine', '--title', title, ...target);
  };
  await record('echo', echo);
  await record('web', web);
}

/** The jobs of the connections, once every instance has told of its own. */
async function untilSpread(world: World): Promise<readonly JobReport[]> {
  const init = { what: `the pool knowing of ${CONNECTIONS} connections`, withinMs: TOLD_MS, signal: world.signal };
  return until(init, async () => {
    for (const instance of world.instances.values()) instance.assertRunning();
    const { jobs } = await world.instance('gateway-3').ask({ kind: 'jobs', most: 200 });
    const running = jobs.filter(({ parent, recordTitle, state }) => {
      return parent !== null && recordTitle === 'echo' && state === 'running';
    });
    return running.length === CONNECTIONS ? running : undefined;
  });
}

/** How many run where, for people. */
function formatSpread(world: World, jobs: readonly JobReport[]): string {
  const workers = [...new Set(jobs.map(({ worker }) => worker ?? ''))];
  if (workers.length < 2) throw new TourError('all connections have landed on one instance');
  const counts = workers.map((worker) => jobs.filter((job) => job.worker === worker).length);
  const entry = jobs[0]?.entry;
  const forwarded = jobs.filter(({ worker }) => worker !== entry).length;
  const spread = counts.sort((a, b) => b - a).join(' + ');
  return `${workers.length} of ${world.instances.size} instances (${spread}); ${forwarded} were forwarded by the entry, the rest it took itself`;
}

async function fetchPage(address: string): Promise<void> {
  const response = await fetch(`http://${address}/`, { signal: AbortSignal.timeout(PAGE_MS) });
  const text = (await response.text()).trim();
  if (text !== PAGE) throw new TourError(`the web target answered "${text}" through the tunnel`);
}

async function showPath(world: World, jobs: readonly JobReport[]): Promise<void> {
  world.narrator.chapter('Every instance can tell what became of any job');
  await world.server('gateway-2', 'debug', 'jobs', '-n', '4');
  const forwarded = jobs.find(({ entry, worker }) => entry !== worker);
  if (forwarded === undefined) throw new TourError('no connection was forwarded to another instance');
  await world.server('gateway-3', 'debug', 'trace', forwarded.jobId);
}
