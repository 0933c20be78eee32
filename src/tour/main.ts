/**
 * What `npm start` runs: a pool of real processes on this machine and a tour of it, each chapter a file of its own. It is *not* part of what is
 * installed. Everything shown is the output of the real commands, and everything claimed is checked before it is said.
 */
import { createTerminal } from '../cli/frame/terminal.ts';
import { showBeginning } from './chapters/beginning.ts';
import { showEnding } from './chapters/ending.ts';
import { showForwarding } from './chapters/forwarding.ts';
import { showLimit } from './chapters/limit.ts';
import { showLoss } from './chapters/loss.ts';
import { showWork } from './chapters/work.ts';
import { createWorld, type World } from './world.ts';

const HELP = `npm start            a local pool, a tour of it, and then the pool is yours until Ctrl-C
npm start -- --once  ends after the tour: exit code 0, nothing left behind`;

/** How a tour that was interrupted ends, as a shell would say it of SIGINT. */
const EXIT_INTERRUPTED = 130;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const unknown = args.find((arg) => !['--once', '--help', '-h'].includes(arg));
  if (unknown !== undefined || args.some((arg) => arg === '--help' || arg === '-h')) {
    const problem = unknown === undefined ? '' : `"${unknown}" is no argument of the tour\n`;
    (unknown === undefined ? process.stdout : process.stderr).write(`${problem}${HELP}\n`);
    return unknown === undefined ? 0 : 2;
  }
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort());
  return tour(interrupted.signal, args.includes('--once'));
}

async function tour(signal: AbortSignal, once: boolean): Promise<number> {
  const world = createWorld(createTerminal(signal));
  try {
    await walk(world);
    await showEnding(world, { once });
    return 0;
  } catch (error) {
    if (signal.aborted) return EXIT_INTERRUPTED;
    explain(world, error);
    return 1;
  } finally {
    await world.end();
  }
}

async function walk(world: World): Promise<void> {
  await showBeginning(world);
  await showForwarding(world);
  await showWork(world);
  await showLimit(world);
  await showLoss(world);
}

function explain(world: World, error: unknown): void {
  const { narrator } = world;
  narrator.failure(error instanceof Error ? error.message : String(error));
  for (const tail of world.logTails()) narrator.note(tail);
}
