/** Rotations that nobody asks for: on time, once, whatever becomes of whoever looks after them. A script target counts what was really changed. */

import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { untilAgreed } from './harness/agreement.ts';
import { useNetworks } from './harness/network.ts';
import { type Pool, usePools } from './harness/pool.ts';
import { runCommand } from './harness/program.ts';
import { namespacesMissing } from './harness/requirements.ts';
import { needs, until } from './harness/until.ts';

const createNetwork = useNetworks();
const createPool = usePools();
const missing = namespacesMissing();
const NAMES = ['a', 'b', 'c'];
/** Until then the commands have ended that set the schedule and tell the owner. */
const BEFORE_S = 9;
const ENTRY_MS = 30_000;
/** From a due time until its rotation has ended, with the death of an owner in between. */
const DONE_MS = 20_000;

interface Rotation {
  readonly schedule: string;
  readonly owner: string | null;
  readonly next: string | null;
  readonly last: { readonly due: string; readonly instance: string; readonly jobId: string } | null;
  readonly waiting: string | null;
}

/** A record whose account a script rotates; each instance has the script, and all write into one file. */
async function addScripted(pool: Pool, from?: string): Promise<void> {
  for (const name of NAMES) {
    const folder = join(pool.dataDir(name), 'scripts');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const change = `case "$(cat)" in *'"action":"change"'*) echo ${name} >> ${changesFile(pool)};; esac\n`;
    writeFileSync(join(folder, 'count'), `#!/bin/sh\n${change}`, { mode: 0o700 });
    chmodSync(join(folder, 'count'), 0o700);
  }
  const fields = ['--type', 'machine', '--title', 'counted', '--host', '127.0.0.1', '--port', '9', '--user', 'root'];
  const enter = from === undefined ? undefined : pool.site(from).enter;
  const password = join(pool.folder, 'password');
  writeFileSync(password, 'The-first-passw0rd', { mode: 0o600 });
  const piped = ['sh', '-c', `exec "$@" < ${password}`, 'sh'];
  const args = ['record', 'add', ...fields, '--label', 'rotation.script=count', '--password-stdin'];
  const added = await runCommand({
    ...{ program: 'pam' as const, args, env: { PAM_PROFILE: pool.profileFile } },
    place: { enter: [...(enter ?? []), ...piped] },
  });
  expect(added.code, added.stderr).toBe(0);
}

function changesFile(pool: Pool): string {
  return join(pool.folder, 'changes');
}

function changes(pool: Pool): readonly string[] {
  const path = changesFile(pool);
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

async function pamJson(pool: Pool, args: readonly string[], from?: string): Promise<unknown> {
  const result = await pool.pam([...args, '--json'], from);
  expect(result.code, result.stderr).toBe(0);
  return JSON.parse(result.stdout);
}

/** Due once a year: at this second, so many from now on. */
async function dueIn(pool: Pool, seconds: number, from?: string): Promise<Rotation> {
  const due = new Date(Math.ceil(Date.now() / 1000 + seconds) * 1000);
  const clock = [due.getUTCSeconds(), due.getUTCMinutes(), due.getUTCHours()];
  const cron = [...clock, due.getUTCDate(), due.getUTCMonth() + 1, '*'].join(' ');
  await pamJson(pool, ['rotation', 'edit', '-r', 'counted', '--schedule-cron', cron], from);
  return until('an owner is known', { within: 5000 }, async () => {
    const rotation = await info(pool, from);
    needs(rotation.owner !== null, 'nobody');
    return rotation;
  });
}

async function info(pool: Pool, from?: string): Promise<Rotation> {
  const address = from === undefined ? [] : ['--address', pool.site(from).access];
  return (await pamJson(pool, ['rotation', 'info', '-r', 'counted', ...address], from)) as Rotation;
}

/** The due time was carried out, and its job has ended well by the word of this instance. */
async function untilDone(pool: Pool, from?: string): Promise<Rotation> {
  return until('the due time is carried out', { within: ENTRY_MS + DONE_MS, every: 200 }, async () => {
    const rotation = await info(pool, from);
    needs(rotation.last !== null, () => `last ${rotation.last}, waiting: ${rotation.waiting}`);
    const job = await pamJson(pool, ['action', 'job-info', rotation.last.jobId], from);
    const { state } = job as { readonly state: string };
    needs(state === 'succeeded', () => `job ${rotation.last?.jobId} is ${state}`);
    return rotation;
  });
}

async function formed(pool: Pool) {
  const instances = pool.startAll(NAMES);
  await untilAgreed(instances, { holders: NAMES });
  return instances;
}

async function idOf(pool: Pool, name: string): Promise<string | undefined> {
  const report = await pool.started.find((one) => one.name === name)?.ask({ kind: 'status' });
  return report?.instanceId;
}

describe('a schedule', { timeout: 90_000 }, () => {
  it('fires once on a pool of three, and once more where its owner was killed before', async () => {
    const pool = createPool({ maxInstances: 3, bootstrap: NAMES });
    await formed(pool);
    await addScripted(pool);
    await dueIn(pool, 5);
    const first = await untilDone(pool);
    expect(first.last?.instance).toBe(first.owner);
    expect(changes(pool)).toHaveLength(1);

    const ids = await Promise.all(NAMES.map((name) => idOf(pool, name)));
    const { owner } = await dueIn(pool, BEFORE_S);
    const killed = pool.started[ids.indexOf(owner ?? '')];
    await killed?.kill();
    const from = NAMES.find((name) => name !== killed?.name);
    const second = await until('another one carries it out', { within: DONE_MS, every: 200 }, async () => {
      const rotation = await info(pool, from);
      needs(rotation.last?.due !== first.last?.due, () => `waiting: ${rotation.waiting}`);
      return untilDone(pool, from);
    });
    expect(second.last?.instance).not.toBe(owner);
    expect(changes(pool)).toHaveLength(2);
    const listed = (await pamJson(pool, ['rotation', 'list'], from)) as { readonly rotations: readonly Rotation[] };
    expect(listed.rotations).toMatchObject([{ title: 'counted', waiting: null, last: second.last }]);
    // Back from the dead it learns of it, and does not begin it again.
    pool.start(killed?.name ?? 'a');
    await until('it learns of it', { within: DONE_MS, every: 200 }, async () => {
      const { last, waiting } = await info(pool, killed?.name);
      needs(last?.jobId === second.last?.jobId && waiting === null, `last ${JSON.stringify(last)}`);
    });
    expect(changes(pool)).toHaveLength(2);
  });

  it.skipIf(missing !== undefined)(
    `in a pool that is split: once where most are, and the lone owner says that it waits${missing === undefined ? '' : ` (${missing})`}`,
    async () => {
      const network = createNetwork();
      const pool = createPool({ maxInstances: 3, bootstrap: NAMES, site: (name) => network.site(name) });
      await formed(pool);
      await addScripted(pool, 'a');
      const ids = await Promise.all(NAMES.map((name) => idOf(pool, name)));
      const { owner } = await dueIn(pool, BEFORE_S + 3, 'a');
      const lone = NAMES[ids.indexOf(owner ?? '')] ?? 'a';
      const most = NAMES.filter((name) => name !== lone);
      await until('all have agreed who they are', { within: 10_000, every: 100 }, () => {
        const agreed = pool.started.filter((instance) => instance.logged('council-changed').length > 0);
        needs(agreed.length === 3, `${agreed.length} of 3`);
      });
      network.cut([lone], most);
      const done = await untilDone(pool, most[0]);
      expect(done.last?.instance).not.toBe(owner);
      const { waiting, last } = await info(pool, lone);
      expect([waiting, last]).toEqual([expect.stringContaining('1 of the 3 instances last known as admitted'), null]);
      expect(pool.started[ids.indexOf(owner ?? '')]?.logged('rotation-waits')).not.toEqual([]);
      network.heal();
      await until('the lone one learns of it', { within: DONE_MS, every: 200 }, async () => {
        const rotation = await info(pool, lone);
        needs(rotation.last?.jobId === done.last?.jobId && rotation.waiting === null, `waiting: ${rotation.waiting}`);
      });
      expect(changes(pool)).toHaveLength(1);
    },
  );
});
