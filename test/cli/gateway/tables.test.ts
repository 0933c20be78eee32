/** The tables of `gateway debug`, at the two commonest widths, as text in `golden/`. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askControl, type PoolReport } from '../../../src/api/client.ts';
import { type ControlService, startControl } from '../../../src/api/index.ts';
import { createPalette, stripColour } from '../../../src/cli/frame/palette.ts';
import type { Style } from '../../../src/cli/frame/terminal.ts';
import { renderAdmission } from '../../../src/cli/gateway/debug/admission.ts';
import { renderEvents } from '../../../src/cli/gateway/debug/events.ts';
import { renderJobs } from '../../../src/cli/gateway/debug/jobs.ts';
import { renderLoad } from '../../../src/cli/gateway/debug/load.ts';
import { renderMembers } from '../../../src/cli/gateway/debug/members.ts';
import { renderPolicy } from '../../../src/cli/gateway/debug/policy.ts';
import { formatPoolLine } from '../../../src/cli/gateway/debug/pool-line.ts';
import { renderStatus } from '../../../src/cli/gateway/debug/status.ts';
import { renderTopic } from '../../../src/cli/gateway/debug/topic.ts';
import { renderTrace } from '../../../src/cli/gateway/debug/trace.ts';
import { renderWatch } from '../../../src/cli/gateway/debug/watch-screen.ts';
import { JOBS, sourceOf } from '../../api/pool.ts';
import { expectGolden, styleOf } from '../golden.ts';

const folder = mkdtempSync(join(tmpdir(), 'tables-'));
const signal = AbortSignal.timeout(60_000);
let service: ControlService;
let pool: PoolReport;

beforeAll(async () => {
  service = await startControl(
    sourceOf('/var/lib/pam-gateway', { facts: { ...sourceOf(folder).facts, dataDir: folder } }),
  );
  pool = await askControl(folder, { kind: 'pool' }, signal);
});

afterAll(async () => {
  await service.stop();
  rmSync(folder, { recursive: true, force: true });
});

type Render = (style: Style) => Promise<readonly string[]>;

const tables: Readonly<Record<string, Render>> = {
  status: async (style) => {
    const report = await askControl(folder, { kind: 'status' }, signal);
    return renderStatus({ ...report, dataDir: '/var/lib/pam-gateway' }, style);
  },
  members: async (style) => renderMembers(await askControl(folder, { kind: 'members' }, signal), style),
  admission: async (style) => renderAdmission(await askControl(folder, { kind: 'admission' }, signal), style),
  load: async (style) => renderLoad(await askControl(folder, { kind: 'load' }, signal), style),
  topic: async (style) => renderTopic(await askControl(folder, { kind: 'topic' }, signal), style),
  policy: async (style) => renderPolicy(await askControl(folder, { kind: 'policy' }, signal), style),
  jobs: async (style) => renderJobs(await askControl(folder, { kind: 'jobs' }, signal), style),
  trace: async (style) => {
    const jobId = JOBS[0]?.jobId ?? '';
    return renderTrace(await askControl(folder, { kind: 'trace', jobId }, signal), style);
  },
  events: async (style) => renderEvents(await askControl(folder, { kind: 'events' }, signal), style),
};

describe.each(Object.entries(tables))('the table of %s', (name, render) => {
  it('reads as written down, at 80 and at 120 columns, and whole', async () => {
    const views = [
      ['80 columns', styleOf(80)],
      ['120 columns', styleOf(120)],
      ['verbose', styleOf(Number.POSITIVE_INFINITY, { verbose: true })],
    ] as const;
    const parts: string[] = [];
    for (const [title, style] of views) {
      parts.push([`---- ${title}`, formatPoolLine(pool, style), ...(await render(style)), ''].join('\n'));
    }
    expectGolden(parts.join('\n'), new URL(`golden/${name}.txt`, import.meta.url));
  });

  it('is the same text in colour', async () => {
    const plain = await render(styleOf(120));
    const coloured = await render(styleOf(120, { palette: createPalette(true) }));
    expect(coloured.map(stripColour)).toEqual(plain);
  });

  it('has no line with spaces at its end', async () => {
    for (const line of await render(styleOf(120))) expect(line).toBe(line.trimEnd());
  });
});

describe('tables of a pool', () => {
  it.each([80, 100, 120])('fit a terminal of %i columns', async (width) => {
    for (const name of ['members', 'admission', 'load', 'jobs', 'trace', 'policy']) {
      for (const line of (await tables[name]?.(styleOf(width))) ?? [])
        expect([...line].length, `${name}: ${line}`).toBeLessThanOrEqual(width);
    }
  });
});

describe('the watch screen', () => {
  async function screen(rows: number, problem: string | null = null): Promise<readonly string[]> {
    const [members, admission, jobs, events] = await Promise.all([
      askControl(folder, { kind: 'members' }, signal),
      askControl(folder, { kind: 'admission' }, signal),
      askControl(folder, { kind: 'jobs' }, signal),
      askControl(folder, { kind: 'events' }, signal),
    ]);
    return renderWatch({ pool, members, admission, jobs, events, problem }, styleOf(120), rows);
  }

  it('reads as written down', async () => {
    expectGolden(`${(await screen(24)).join('\n')}\n`, new URL('golden/watch.txt', import.meta.url));
  });

  it.each([1, 5, 10, 24, 60])('is never higher than %i rows', async (rows) => {
    expect((await screen(rows)).length).toBeLessThanOrEqual(rows);
  });

  it('says when its picture is not of now', async () => {
    expect((await screen(24, 'no instance runs there'))[1]).toBe('not of now: no instance runs there');
  });
});
