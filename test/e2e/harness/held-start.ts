/** Processes that have loaded everything and wait for a word before they begin: so several begin at one instant, and one comes back at once. */

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../../src/launcher/runtime.js';

/** What the process writes when it is ready to begin. */
export const HELD_LINE = 'loaded, waiting for SIGUSR2';

/**
 * Loading is most of what starting costs; a busy machine needs seconds for it. The launcher replaces itself by the instance with flags of its
 * own: only the process with flags is held.
 */
const PRELOAD = `
if (process.execArgv.length > 0) await hold();
async function hold() {
for (const url of process.env.TEST_PRELOAD.split(' ')) await import(url);
const stay = setInterval(() => undefined, 1000);
const begin = new Promise((resolve) => process.once('SIGUSR2', resolve));
process.stderr.write('${HELD_LINE}\\n');
await begin;
clearInterval(stay);
}
`;

/** The environment of such a process. */
export function heldStart(): Readonly<Record<string, string>> {
  const urls = ['src/instance.ts', 'src/config/index.ts', 'src/cli/gateway/program.ts', 'node_modules/pino/pino.js'];
  return {
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(PRELOAD)}`,
    TEST_PRELOAD: urls.map((path) => pathToFileURL(join(packageRoot, path)).href).join(' '),
  };
}
