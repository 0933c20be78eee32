/** The ways to the endpoint that are compared: straight, through `ssh -L`, through the pool. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { untilAgreed } from '../../e2e/harness/agreement.ts';
import { Pool } from '../../e2e/harness/pool.ts';
import { addRecord, untilRecordHeld } from '../../e2e/harness/records.ts';
import { NAMES } from '../../e2e/harness/shared-pool.ts';
import { Tunnel } from '../../e2e/harness/tunnel.ts';
import type { Bench } from '../part.ts';
import { startSshForward } from './ssh-forward.ts';

const ENDPOINT = fileURLToPath(new URL('endpoint.ts', import.meta.url));
const RECORD = 'bench';

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
  const names = NAMES.slice(0, instances);
  const pool = new Pool({ maxInstances: instances, bootstrap: names });
  bench.defer(() => pool.end());
  await untilAgreed(pool.startAll(names), { holders: names });
  await addRecord(pool, RECORD, { host: '127.0.0.1', port: target });
  await untilRecordHeld(pool, names, RECORD);
  const tunnel = await Tunnel.start({ pool, record: RECORD });
  bench.defer(() => tunnel.stop());
  const name = instances === 1 ? 'pool' : `pool of ${instances}`;
  return { name, port: tunnel.port, processIds: [tunnel.processId, ...pool.started.map(({ processId }) => processId)] };
}
