import { describe, expect, it } from 'vitest';
import { recordFigure } from './harness/figures.ts';
import { useNetworks } from './harness/network.ts';
import { usePools } from './harness/pool.ts';
import type { Place } from './harness/program.ts';
import { addRecord } from './harness/records.ts';
import { namespacesMissing } from './harness/requirements.ts';
import { countSessions } from './harness/sessions.ts';
import { formPool } from './harness/shared-pool.ts';
import { useTunnels } from './harness/tunnel.ts';
import { needs, until } from './harness/until.ts';
import { useAgents } from './targets/start-agent.ts';

const createNetwork = useNetworks();
const createPool = usePools();
const startTunnel = useTunnels();
const agents = useAgents();

describe.skipIf(namespacesMissing() !== undefined)('a client that reaches only one instance', () => {
  it('has its connections everywhere: those on other workers go through the entry, as faithfully', async () => {
    const network = createNetwork();
    const pool = await formPool({ instances: 3, pool: { site: (name) => network.site(name) } }, createPool);
    const placeOf = (name: string): Place => ({ enter: network.site(name).enter ?? [] });
    const hostOf = (name: string): string => network.site(name).mesh.split(':')[0] ?? '';
    const target = { host: hostOf('target'), port: await agents.echo(placeOf('target'), hostOf('target')) };
    await addRecord(pool, 'echo', target, 'a');
    network.site('client');
    network.cut(['client'], ['b', 'c', 'target']);
    const { port, ready } = await startTunnel({ pool, record: 'echo', entries: ['a'], place: placeOf('client') });
    const { echoed, failed, reset, elapsedMs } = await agents.call(placeOf('client'), port, 30);
    expect(failed).toEqual([]);
    expect(echoed).toBe(30);
    expect(reset).toBe('ECONNRESET');
    recordFigure({
      file: 'tunnels',
      what: '30 connections of 0.5 MiB there and back, two thirds relayed by the entry',
      unit: 'ms',
      values: [elapsedMs],
    });
    const { jobs } = await until('everybody knows that all have ended', { within: 5000 }, async () => {
      const report = await pool.started[0]?.ask({ kind: 'jobs', most: 1000 });
      const ours = report?.jobs.filter(({ parent }) => parent === ready.jobId) ?? [];
      needs(
        ours.every(({ state }) => state === 'succeeded'),
        () => ours.map(({ state }) => state).join(),
      );
      return { jobs: ours };
    });
    expect(jobs).toHaveLength(31);
    expect(new Set(jobs.map(({ worker }) => worker)).size).toBe(3);
    expect(await countSessions(pool, ready.jobId)).toEqual([0, 0, 0]);
  });
});
