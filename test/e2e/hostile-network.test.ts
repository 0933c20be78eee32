import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connectAccess } from '../../src/access/client/index.ts';
import { loadGatewayConfig } from '../../src/config/index.ts';
import { Random } from '../simulator/random.ts';
import { recordFigure } from './harness/figures.ts';
import { residentMib } from './harness/memory.ts';
import { type Pool, usePools } from './harness/pool.ts';
import { addRecord, untilRecordHeld } from './harness/records.ts';
import { scaled } from './harness/scale.ts';
import { formPool, NAMES } from './harness/shared-pool.ts';
import { type Tunnel, useTunnels } from './harness/tunnel.ts';
import {
  type Attack,
  betray,
  hideIdentity,
  holdHalfOpen,
  negotiateBadly,
  sendNoise,
  speakNonsense,
} from './targets/attackers.ts';
import { dialEcho } from './targets/socket.ts';
import { echo, startTarget, type Target } from './targets/target.ts';

const createPool = usePools();
const startTunnel = useTunnels();
const ATTACK_MS = scaled({ usual: 6000, full: 60_000 });
/** Between two connections through the tunnel, and between two clients that come anew. */
const [TUNNEL_MS, CLIENT_MS] = [100, 500];
const INSTANCES = NAMES.slice(0, 3);
const GROWTH_MIB_MAX = 64;
const CONNECT_MS = 8000;
const SEED = Number(process.env['PAM_TEST_SEED'] ?? 2026);

let target: Target;
beforeAll(async () => {
  target = await startTarget(echo);
});
afterAll(() => target.stop());

/** Everybody who attacks, and what. Those on the mesh plane come without the pool's secret, but for the last. */
function attacksOn(pool: Pool): readonly (readonly [name: string, plane: 'mesh' | 'access', attack: Attack])[] {
  const { poolSecret, uid } = loadGatewayConfig({ kind: 'file', path: pool.configFile });
  return [
    ['noise', 'access', sendNoise],
    ['noise', 'mesh', sendNoise],
    ['half-open', 'access', holdHalfOpen],
    ['half-open', 'mesh', holdHalfOpen],
    ['bad negotiation', 'access', negotiateBadly],
    ['bad negotiation', 'mesh', negotiateBadly],
    ['no identity', 'access', hideIdentity],
    ['nonsense of a stranger', 'access', speakNonsense(new Uint8Array(randomBytes(32)))],
    ['nonsense of an admin', 'access', speakNonsense(pool.profile().key.reveal())],
    ['nonsense of an insider', 'mesh', betray(poolSecret.reveal(), uid)],
  ];
}

/** Somebody honest does something again and again; what went wrong, if anything did. */
async function keepAt(
  everyMs: number,
  signal: AbortSignal,
  act: () => Promise<unknown>,
): Promise<{ readonly done: number; readonly failures: readonly string[] }> {
  const failures: string[] = [];
  let done = 0;
  while (!signal.aborted) {
    await act().then(
      () => {
        done += 1;
      },
      (error: unknown) => failures.push(String(error)),
    );
    await delay(everyMs);
  }
  return { done, failures };
}

function useTunnel({ port }: Tunnel): () => Promise<void> {
  return async () => {
    const socket = await dialEcho(port, 'in spite of all that', CONNECT_MS);
    socket.destroy();
  };
}

function comeAnew(pool: Pool): () => Promise<void> {
  const { key, poolKey } = pool.profile();
  return async () => {
    const addresses = INSTANCES.map((name) => pool.site(name).access);
    const client = await connectAccess(
      { keySeed: key.reveal(), grant: null, addresses, poolKey },
      AbortSignal.timeout(CONNECT_MS),
    );
    await client.stop();
  };
}

it('a pool under attack keeps serving whoever is entitled, does not grow and is healthy', {
  timeout: 60_000 + 3 * ATTACK_MS,
}, async () => {
  const pool = await formPool({ instances: INSTANCES.length }, createPool);
  await addRecord(pool, 'echo', target);
  await untilRecordHeld(pool, INSTANCES, 'echo');
  const tunnel = await startTunnel({ pool, record: 'echo' });
  const processes = pool.started.map(({ processId }) => processId);
  // What an instance takes on with its first connections is no growth.
  for (let time = 0; time < 30; time++) await useTunnel(tunnel)();
  const before = processes.map(residentMib);
  const signal = AbortSignal.timeout(ATTACK_MS);
  const random = new Random(SEED);
  const attacks = attacksOn(pool).map(async ([name, plane, attack], index) => {
    const address = pool.site(INSTANCES[index % 2] ?? 'a')[plane];
    return `${name} ${await attack({ address, random: random.fork(index), signal })}`;
  });
  const [through, anew, ...acts] = await Promise.all([
    keepAt(TUNNEL_MS, signal, useTunnel(tunnel)),
    keepAt(CLIENT_MS, signal, comeAnew(pool)),
    ...attacks,
  ]);
  const grown = processes.map((processId, index) => residentMib(processId) - (before[index] ?? 0));
  const what = `memory an instance takes on in ${ATTACK_MS / 1000} s of attacks (${acts.join(', ')}; meanwhile ${through.done} connections and ${anew.done} new clients)`;
  recordFigure({ file: 'tunnels', what, unit: 'MiB', values: grown, target: `${GROWTH_MIB_MAX} MiB` });
  expect(through.failures).toEqual([]);
  expect(anew.failures).toEqual([]);
  expect(through.done).toBeGreaterThan(ATTACK_MS / 1000);
  expect(Math.max(...grown)).toBeLessThan(GROWTH_MIB_MAX);
  expect(pool.started.map(({ isRunning }) => isRunning)).toEqual([true, true, true]);
  for (const name of INSTANCES) expect(await pool.gateway(name, ['health-check'])).toMatchObject({ code: 0 });
});
