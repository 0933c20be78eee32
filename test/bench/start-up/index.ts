/** Start-up: how long until a command has done its work, beside the runtime that does nothing; and until an instance listens and serves. */

import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import type { Pool } from '../../e2e/harness/pool.ts';
import { needs, until } from '../../e2e/harness/until.ts';
import { figureAim, measurePaired, measureRounds, type Row } from '../measure/rows.ts';
import { type Bench, type Part, type PartReport, sized } from '../part.ts';
import { type ServingPool, startServingPool } from '../serving-pool.ts';

/** Part 5. */
export const startUp: Part = { name: 'start-up', title: 'Start-up of commands and instances', run: measureStartUp };

const COMMAND_MS_MAX = 500;
const ADMITTED_MS_MAX = 3000;
const START_MS = 60_000;
/** Nobody listens there, and nobody is asked to. */
const NO_PORT = 9;
/** What only talks to the pool. */
const POOL_COMMANDS = [
  ['gateway', 'list'],
  ['record', 'list'],
  ['action', 'gateway-info'],
] as const;

async function measureStartUp(bench: Bench): Promise<PartReport> {
  const serving = await startServingPool(bench, 1, NO_PORT);
  const rows: Row[] = [];
  rows.push(await measureCommand(bench, 'gateway --version', () => serving.pool.gateway('i0', ['--version'])));
  for (const words of bench.isSmoke ? POOL_COMMANDS.slice(0, 1) : POOL_COMMANDS)
    rows.push(await measureCommand(bench, `pam ${words.join(' ')}`, () => serving.pool.pam(words)));
  return { rows: [...rows, ...(await measureInstance(bench, serving))] };
}

async function measureCommand(
  bench: Bench,
  what: string,
  run: () => Promise<{ readonly code: number | null; readonly stderr: string }>,
): Promise<Row> {
  bench.say(`  ${what}`);
  const command = async (): Promise<number> => {
    const beganAtMs = performance.now();
    const { code, stderr } = await run();
    if (code !== 0 && !what.endsWith('--version')) throw new Error(`${what} ended with ${code}: ${stderr}`);
    return performance.now() - beganAtMs;
  };
  // The first run leaves its compiled code behind, as it does for users.
  await command();
  const contenders = [
    { name: what.split(' ')[0] ?? '', measure: command },
    { name: 'node that does nothing', measure: async () => emptyRun() },
  ];
  const init = { what: `${what}, until it has ended`, unit: 'ms' };
  const runs = bench.runs * sized(bench, { full: 3, smoke: 1 });
  return measurePaired(contenders, runs, { ...init, aim: figureAim({ below: COMMAND_MS_MAX }, 'ms') });
}

function emptyRun(): number {
  const beganAtMs = performance.now();
  spawnSync(process.execPath, ['--eval', '0']);
  return performance.now() - beganAtMs;
}

/** From the start of the process to its line `listening`, and to its seat, in a pool that is there. */
async function measureInstance(bench: Bench, { pool }: ServingPool): Promise<readonly Row[]> {
  bench.say('  gateway start');
  const { code, stderr } = await pool.pam(['gateway', 'set-max-instances', '-g', pool.uid, '-m', '2']);
  if (code !== 0) throw new Error(`the limit could not be raised: ${stderr}`);
  return measureRounds([{ name: 'gateway', measure: () => startOnce(pool) }], bench.runs, {
    listening: { what: 'gateway start, until it listens', unit: 'ms' },
    admitted: {
      what: 'gateway start, until it is admitted to a pool of one',
      unit: 'ms',
      aim: figureAim({ below: ADMITTED_MS_MAX }, 'ms'),
    },
  });
}

async function startOnce(pool: Pool): Promise<Readonly<Record<'listening' | 'admitted', number>>> {
  const beganAtMs = performance.now();
  const instance = pool.start('joiner', { args: ['--peer', pool.site('i0').mesh] });
  await instance.untilLogged('listening', { within: START_MS });
  const listening = performance.now() - beganAtMs;
  await until('it is admitted', { within: START_MS, every: 5 }, async () => {
    const { state } = await instance.ask({ kind: 'status' });
    needs(state === 'admitted', `it is ${state}`);
  });
  const admitted = performance.now() - beganAtMs;
  await instance.stop();
  // Its seat is free once the other one has heard of its leaving, which it says before it ends.
  rmSync(pool.dataDir('joiner'), { recursive: true, force: true });
  return { listening, admitted };
}
