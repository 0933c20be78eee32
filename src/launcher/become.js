/**
 * How this process becomes another program, so that whoever started it holds the real thing: its process id, its exit
 * code, its signals, including those nobody can catch (`kill -9`, SIGSTOP).
 *
 * That takes an `exec`. Node has one from 22.15 on; below, the addon `@matrixai/exec-linux-x64` does it. Where neither
 * exists (Windows, and other machines with an old Node) a child stands in: `follow.js`.
 */

import { createRequire } from 'node:module';

/**
 * @typedef {(file: string, args: string[]) => void} Execve
 * @returns {Execve | undefined} what replaces this process, where Node itself can do it
 */
function ownExecve() {
  const { execve } = /** @type {{ execve?: Execve }} */ (process);
  return process.platform === 'win32' ? undefined : execve;
}

/** True where becoming another program costs no second process. */
export function canExec() {
  return ownExecve() !== undefined;
}

/**
 * Replaces this process by `binary`. Does not return where the system can replace processes, else when the child has ended.
 * @param {string} binary absolute path
 * @param {readonly string[]} args
 * @returns {Promise<void>}
 */
export async function become(binary, args) {
  const execve = ownExecve();
  // Writes errors of its own and ends the process, so there is nothing to catch.
  if (execve !== undefined) execve.call(process, binary, [binary, ...args]);
  await execNatively(binary, args);
  // Loaded late: the module for child processes costs more than all of the above.
  const { endLike, follow } = await import('./follow.js');
  endLike(await follow(binary, ['--import', new URL('./end-with-parent.js', import.meta.url).href, ...args]));
}

/**
 * Returns only where the package has nothing for this platform, or the binary does not start.
 * @param {string} binary
 * @param {readonly string[]} args
 */
async function execNatively(binary, args) {
  try {
    // The addon itself, not the package `@matrixai/exec` around it: that one names further platforms which the registry
    // does not have, and `npm ci` refuses a lock file without them.
    const native = createRequire(import.meta.url)('@matrixai/exec-linux-x64');
    native.execvp(binary, [...args], {});
  } catch {
    // The child that is started instead reports what is really wrong with the binary.
  }
}
