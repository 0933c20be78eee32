/** The tables of `pam`, as text in `golden/`. */

import { describe, expect, it } from 'vitest';
import { reportJob } from '../../../src/api/client.ts';
import { createPalette, stripColour } from '../../../src/cli/frame/palette.ts';
import type { Style } from '../../../src/cli/frame/terminal.ts';
import { renderJob } from '../../../src/cli/pam/action/job-info.ts';
import { findInstance } from '../../../src/cli/pam/gateway/drain.ts';
import { renderGateways, reportGateways } from '../../../src/cli/pam/gateway/list.ts';
import type { PoolSummary } from '../../../src/cli/pam/pool-view.ts';
import { renderRecord, renderRecords, reportRecord } from '../../../src/cli/pam/record/record-report.ts';
import { renderTunnels } from '../../../src/cli/pam/tunnel/list.ts';
import type { TunnelReport } from '../../../src/cli/pam/tunnel/registry.ts';
import { chooseTunnels } from '../../../src/cli/pam/tunnel/stop.ts';
import { idOf, JOBS, MEMBERS, NOW_UNIX_MS, RECORD } from '../../api/pool.ts';
import { gatewayList, job } from '../contract.ts';
import { expectGolden, styleOf } from '../golden.ts';

const POOL: PoolSummary = {
  gatewayUid: RECORD.gatewayUid,
  gatewayName: 'prod-eu',
  maxInstances: 2,
  limitVersion: 7,
  members: MEMBERS.map(({ record, state, rank, load, held, lastHeardMs }) => ({
    instanceId: record.instanceId,
    name: record.name,
    state,
    rank,
    version: record.version,
    platform: record.platform,
    joinedUnixMs: record.joinedAt.unixMs,
    startedUnixMs: record.startedAt.unixMs,
    seatLimitVersion: record.seat?.limitVersion ?? null,
    heldLimitVersion: held?.limitVersion ?? null,
    load,
    lastHeardMs,
    accessAddresses: record.accessAddresses,
    heldPolicyVersion: held?.policyVersion ?? null,
  })),
};

function tunnelOf(tunnelId: string, changes: Partial<TunnelReport> = {}): TunnelReport {
  return {
    tunnelId,
    jobId: tunnelId,
    record: RECORD.recordId,
    title: 'web-1',
    target: '10.0.0.5:22',
    listening: '127.0.0.1:49152',
    gateway: 'prod-eu',
    worker: idOf('gw-b'),
    connections: 2,
    connectionsTotal: 17,
    connectionsFailed: 1,
    bytesIn: 4096,
    bytesOut: 3 * 1024 ** 3,
    startedAt: new Date(NOW_UNIX_MS - 3_700_000).toISOString(),
    processId: 4711,
    ...changes,
  };
}

const TUNNELS = [
  tunnelOf('TUNNE11t1WpEZ73CNmQvie'),
  tunnelOf('TUNNE12t1WpEZ73CNmQvie', { listening: '127.0.0.1:15432', title: 'db-1', record: 'other' }),
];
const records = [
  reportRecord(RECORD),
  reportRecord({
    ...RECORD,
    recordId: 'An0therRec0rdW1thAnId0',
    title: 'db-1',
    host: 'fe80::1',
    port: 5432,
    protocol: 'postgres',
    type: 'database',
    user: null,
    labels: [],
  }),
];

const tables: Readonly<Record<string, (style: Style) => readonly string[]>> = {
  'gateway-list': (style) => renderGateways(reportGateways(POOL, false), style),
  'gateway-list-online': (style) => renderGateways(reportGateways(POOL, true), style),
  'gateway-list-unknown': (style) =>
    renderGateways(reportGateways({ uid: RECORD.gatewayUid, name: 'prod-eu' }, false), style),
  'record-list': (style) => renderRecords(records, style),
  'record-show': (style) => renderRecord(reportRecord(RECORD), style),
  'tunnel-list': (style) => renderTunnels(TUNNELS, style),
  'job-info': (style) =>
    JOBS.flatMap((notice) => [
      ...renderJob({ ...reportJob(notice, { find: () => [RECORD] }), output: null, outputMissing: null }, style),
      '',
    ]).slice(0, -1),
};

describe.each(Object.entries(tables))('the table of %s', (name, render) => {
  it('reads as written down, at 80 and at 120 columns, and whole', () => {
    const views = [
      ['80 columns', styleOf(80)],
      ['120 columns', styleOf(120)],
      ['verbose', styleOf(Number.POSITIVE_INFINITY, { verbose: true })],
    ] as const;
    const text = views.map(([title, style]) => [`---- ${title}`, ...render(style), ''].join('\n')).join('\n');
    expectGolden(text, new URL(`golden/${name}.txt`, import.meta.url));
  });

  it('is the same text in colour', () => {
    expect(render(styleOf(100, { palette: createPalette(true) })).map(stripColour)).toEqual(render(styleOf(100)));
  });
});

describe('documents', () => {
  it('have at least the promised shape', () => {
    expect(() => gatewayList.parse(reportGateways(POOL, false))).not.toThrow();
    for (const notice of JOBS) expect(() => job.parse(reportJob(notice, { find: () => [] }))).not.toThrow();
  });

  it('count instances that serve, and leave out the dead', () => {
    const [gateway] = reportGateways(POOL, false).gateways;
    expect(gateway).toMatchObject({ status: 'ONLINE (3 instances)', running: 3, hint: '3 running, limit 2: stop 1' });
    expect(gateway?.instances.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'gw-a ONLINE',
      'gw-b ONLINE',
      'gw-c ONLINE',
      'gw-d-with-a-very-long-name WAITING',
    ]);
  });

  it.each([
    [1, 'ONLINE'],
    [0, 'OFFLINE'],
  ])('with %i serving say %s', (serving, status) => {
    const members = POOL.members.map((member, index) => (index < serving ? member : { ...member, rank: null }));
    expect(reportGateways({ ...POOL, members }, false).gateways[0]?.status).toBe(status);
  });
});

describe('naming an instance', () => {
  it.each(['gw-b', idOf('gw-b'), idOf('gw-b').slice(-8)])('works with %s', (named) => {
    expect(findInstance(POOL, named).name).toBe('gw-b');
  });

  it.each(['gw', 'gw-e', idOf('gw-e'), idOf('gw-b').slice(-3), ''])('names the candidates for "%s"', (named) => {
    expect(() => findInstance(POOL, named)).toThrow(/no live instance is called/);
  });
});

describe('naming a tunnel to stop', () => {
  it.each([
    ['TUNNE11t1WpEZ73CNmQvie', false, 1],
    ['web-1', false, 1],
    ['15432', false, 1],
    ['127.0.0.1:15432', false, 1],
    ['web-1', true, 1],
  ])('%s (all: %s) finds %i', (named, all, count) => expect(chooseTunnels(TUNNELS, named, all)).toHaveLength(count));

  it('refuses to guess between several, unless all are meant', () => {
    const two = TUNNELS.map((tunnel) => ({ ...tunnel, title: 'web-1' }));
    expect(() => chooseTunnels(two, 'web-1', false)).toThrow('2 tunnels match "web-1"');
    expect(chooseTunnels(two, 'web-1', true)).toHaveLength(2);
  });
});
