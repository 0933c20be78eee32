/** The ways to the endpoint that are compared: straight, through `ssh -L`, through the pool. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Tunnel } from '../../e2e/harness/tunnel.ts';
import type { Bench } from '../part.ts';
import { startServingPool } from '../serving-pool.ts';
import { startSshForward } from './ssh-forward.ts';

const ENDPOINT = fileURLToPath(new URL('endpoint.ts', import.meta.url));

/** One way. */
export interface Way {
  readonly name: string;
  readonly port: number;
  /** Processes between the two ends. */
  readonly processIds: readonly number[];
}

/** Starts the endpoint; its port. */
export async function startEndpoint(bench: Bench): Promise<number> {
  const child: ChildProcess = spawn(process.execPath, [ENDPOINT], { stdio: ['pipe', 'pipe', 'inherit'] });
  bench.defer(() => child.kill('SIGKILL'));
  if (child.stdout === null) throw new Error('the endpoint has no output');
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data', { signal: AbortSignal.timeout(20_000) });
  return Number(line);
}

/** `ssh -L` to the endpoint: one client, one server. */
export async function sshWay(bench: Bench, target: number): Promise<Way> {
  const forward = await startSshForward(target);
  bench.defer(() => forward.stop());
  return { name: 'ssh -L', port: forward.port, processIds: forward.processIds };
}

/** `pam tunnel start` to the endpoint, through a pool of so many instances. With one there are as many processes on the way as with `ssh -L`. */
export async function poolWay(bench: Bench, target: number, instances: number): Promise<Way> {
  const { pool, record, processIds } = await startServingPool(bench, instances, target);
  const tunnel = await Tunnel.start({ pool, record });
  bench.defer(() => tunnel.stop());
  const name = instances === 1 ? 'pool' : `pool of ${instances}`;
  return { name, port: tunnel.port, processIds: [tunnel.processId, ...processIds] };
}
