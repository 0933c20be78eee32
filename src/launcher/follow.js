/**
 * A child on this process's terminal, as close to being this process as a child can be.
 */

import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** Signals that are passed on to a child. Windows knows no others that a program can receive. */
const FORWARDED = /** @type {const} */ (['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGCONT']);

/** What a terminal sends to all of its processes by itself: a child would receive these twice. */
const SENT_BY_TERMINAL = new Set(['SIGINT', 'SIGQUIT', 'SIGHUP']);

/** @typedef {{ readonly code: number | null, readonly signal: NodeJS.Signals | null }} Ending how a process ended */

/**
 * Runs a program on this process's terminal, passes signals on, and waits for its end. The channel beside the standard
 * streams carries nothing: its closing tells the child that this process is gone.
 * @param {string} binary
 * @param {readonly string[]} args
 * @param {{ readonly stdout?: 'inherit' | number, readonly shell?: boolean }} [options] `stdout: 2` keeps this process's own stdout clean
 * @returns {Promise<Ending>}
 */
export async function follow(binary, args, { stdout = 'inherit', shell = false } = {}) {
  const child = spawn(binary, args, { stdio: ['inherit', stdout, 'inherit', 'ipc'], shell, windowsHide: true });
  const stopForwarding = forwardSignals(child);
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
  } finally {
    stopForwarding();
  }
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @returns {() => void} stops it
 */
function forwardSignals(child) {
  const stops = FORWARDED.filter((signal) => signal in constants.signals).map((signal) => {
    const forward = () => {
      if (SENT_BY_TERMINAL.has(signal) && process.stdin.isTTY) return;
      child.kill(signal);
    };
    process.on(signal, forward);
    return () => process.off(signal, forward);
  });
  return () => {
    for (const stop of stops) stop();
  };
}

/**
 * Ends this process the way another one ended, so that a shell sees no difference.
 * @param {Ending} ending
 */
export function endLike({ code, signal }) {
  if (signal === null) process.exit(code ?? 1);
  process.kill(process.pid, signal);
}
