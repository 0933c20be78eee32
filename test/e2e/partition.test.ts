/** A pool that is cut in two, grows on both sides, and heals. */

import { describe, expect, it } from 'vitest';
import { untilAgreed } from './harness/agreement.ts';
import { recordFigure } from './harness/figures.ts';
import { type Network, useNetworks } from './harness/network.ts';
import { type Pool, usePools } from './harness/pool.ts';
import type { Place } from './harness/program.ts';
import { addRecord } from './harness/records.ts';
import { namespacesMissing } from './harness/requirements.ts';
import { scaled, timeFor } from './harness/scale.ts';
import { type Talker, useTalkers } from './harness/talker.ts';
import { useTunnels } from './harness/tunnel.ts';
import { needs, until } from './harness/until.ts';
import { useAgents } from './targets/start-agent.ts';

const createNetwork = useNetworks();
const createPool = usePools();
const startTunnel = useTunnels();
const agents = useAgents();
const startTalker = useTalkers();
const missing = namespacesMissing();
const ROUNDS = scaled({ usual: 1, full: 20 });
const FIVE = ['a', 'b', 'c', 'd', 'e'];
const HEALED_MS = 10_000;
/** Where the tunnel's client and its target are: both on the side of three. */
const [CLIENT, TARGET] = ['client', 'target'];

describe.skipIf(missing !== undefined)(
  `a pool of five that is split in two and three${missing === undefined ? '' : ` (${missing})`}`,
  () => {
    it(
      'shows the same five within 10 s after healing: the two that came last on either side yield',
      timeFor(ROUNDS, 40_000),
      async () => {
        const network = createNetwork();
        const pool = createPool({ maxInstances: 5, bootstrap: FIVE, site: (name) => network.site(name) });
        const five = pool.startAll(FIVE);
        const before = await untilAgreed(five, { holders: FIVE });
        const sessions = await talkThroughThree(pool, network);
        const took: number[] = [];
        for (let round = 0; round < ROUNDS; round++)
          took.push(await splitAndHeal({ pool, network, holders: before.holders }));
        for (const talker of sessions) await talker.untilAnswered(5);
        expect(sessions).toHaveLength(3);
        const silences = sessions.map(({ silenceMaxMs }) => silenceMaxMs);
        const quiet = 'sessions on old members, none interrupted: longest time between two answers';
        recordFigure({ file: 'partition', what: quiet, unit: 'ms', values: silences });
        expect(five.flatMap((instance) => instance.logged('draining'))).toEqual([]);
        const what = 'from healing until every view shows the same five and the two youngest are standby';
        const { max } = recordFigure({ file: 'partition', what, unit: 'ms', values: took, target: '10000 ms' });
        expect(max).toBeLessThan(HEALED_MS);
      },
    );
  },
);

interface Split {
  readonly pool: Pool;
  readonly network: Network;
  readonly holders: readonly string[];
}

/** The time from healing to agreement. */
async function splitAndHeal({ pool, network, holders }: Split): Promise<number> {
  const [a, b, c, d, e] = FIVE.map((name) => pool.started.find((instance) => instance.name === name));
  if (!a || !b || !c || !d || !e) throw new Error('five were started');
  for (const name of ['f', 'g']) pool.site(name);
  network.cut(['a', 'b', 'f'], ['c', 'd', 'e', 'g', CLIENT, TARGET]);
  await Promise.all([
    untilAgreed([a, b], { holders: ['a', 'b'] }),
    untilAgreed([c, d, e], { holders: ['c', 'd', 'e'] }),
  ]);
  const [f, g] = [pool.start('f'), pool.start('g')];
  await Promise.all([
    untilAgreed([a, b, f], { holders: ['a', 'b', 'f'] }),
    untilAgreed([c, d, e, g], { holders: ['c', 'd', 'e', 'g'] }),
  ]);
  const healedAtMs = performance.now();
  network.heal();
  const after = await untilAgreed([a, b, c, d, e, f, g], { holders: FIVE, waiting: ['f', 'g'] });
  const elapsedMs = performance.now() - healedAtMs;
  expect(after.holders).toEqual(holders);
  await Promise.all([f.stop(), g.stop()]);
  await untilAgreed([a, b, c, d, e], { holders: FIVE, waiting: [] });
  return elapsedMs;
}

/** Connections through one tunnel until c, d and e each carry one; those on the other side are hung up. */
async function talkThroughThree(pool: Pool, network: Network): Promise<readonly Talker[]> {
  const [host = ''] = network.site(TARGET).mesh.split(':');
  const placeOf = (name: string): Place => ({ enter: network.site(name).enter ?? [] });
  await addRecord(pool, 'echo', { host, port: await agents.echo(placeOf(TARGET), host) }, 'd');
  const { port, ready } = await startTunnel({ pool, record: 'echo', entries: ['d'], place: placeOf(CLIENT) });
  const wanted = new Set(await Promise.all(['c', 'd', 'e'].map((name) => idOf(pool, name))));
  const kept: Talker[] = [];
  const seen = new Set<string>();
  for (let opened = 0; wanted.size > 0; opened++) {
    expect(opened).toBeLessThan(20);
    const talker = await startTalker(port, placeOf(CLIENT));
    const worker = await workerOfNext(pool, ready.jobId, seen);
    if (wanted.delete(worker)) kept.push(talker);
  }
  return kept;
}

/** Of the one running connection of the tunnel that was not seen before. */
async function workerOfNext(pool: Pool, tunnelId: string, seen: Set<string>): Promise<string> {
  const entry = pool.started.find(({ name }) => name === 'd');
  return until('the entry knows the new connection', { within: 10_000 }, async () => {
    const report = await entry?.ask({ kind: 'jobs', most: 1000 });
    const next = report?.jobs.find(
      ({ jobId, parent, state }) => parent === tunnelId && state === 'running' && !seen.has(jobId),
    );
    needs(next !== undefined && next.worker !== null, 'it does not');
    seen.add(next.jobId);
    return next.worker;
  });
}

async function idOf({ started }: Pool, name: string): Promise<string> {
  const instance = started.find((one) => one.name === name);
  if (instance === undefined) throw new Error(`${name} was not started`);
  return instance.id();
}
