import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { askLocal, type LocalServer, startLocalServer } from '../../../api/client.ts';
import { GatewayError } from '../../../base/errors.ts';

/**
 * The tunnels that run for this user on this machine: each has a folder with a local socket in `~/.pam/tunnels`, through which the commands of
 * other terminals see and stop it. A folder whose process is gone is removed by whoever notices.
 */

/** What a running tunnel tells of itself. */
export interface TunnelReport {
  /** The tunnel's job at the gateway when it started. */
  readonly tunnelId: string;
  /** The one it has now: a tunnel whose instance is gone is registered anew. */
  readonly jobId: string;
  readonly record: string;
  readonly title: string;
  readonly target: string;
  readonly listening: string;
  readonly gateway: string;
  readonly worker: string;
  readonly connections: number;
  readonly connectionsTotal: number;
  readonly connectionsFailed: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly startedAt: string;
  readonly processId: number;
}

/** What a running tunnel answers to. */
export interface RunningTunnel {
  report(): TunnelReport;
  stop(): void;
}

type TunnelRequest = { readonly kind: 'report' } | { readonly kind: 'stop' };

/** A folder without an answering socket is only removed once its process has had the time to open one. */
const STARTING_MS = 10_000;
/** Tunnels that are listed. */
const TUNNELS_MAX = 1000;

/** Makes this process's tunnel known until `stop`. */
export async function registerTunnel(tunnelId: string, tunnel: RunningTunnel): Promise<LocalServer> {
  const directory = join(registryPath(), tunnelId);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const server = await startLocalServer({
    directory,
    answer: async (line) => answer(line, tunnel),
    onBug: (error) => process.stderr.write(`${String(error)}\n`),
  });
  return {
    address: server.address,
    async stop() {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Every tunnel that answers, the oldest first. */
export async function listTunnels(signal: AbortSignal): Promise<readonly TunnelReport[]> {
  const reports = await Promise.all(registered().map((tunnelId) => askTunnel(tunnelId, { kind: 'report' }, signal)));
  const found = reports.flatMap((report) => (report === undefined ? [] : [report as TunnelReport]));
  return found.sort((left, right) => Date.parse(left.startedAt) - Date.parse(right.startedAt));
}

/** Tells a tunnel to stop; false if it is gone already. */
export async function stopTunnel(tunnelId: string, signal: AbortSignal): Promise<boolean> {
  return (await askTunnel(tunnelId, { kind: 'stop' }, signal)) !== undefined;
}

function answer(line: string, tunnel: RunningTunnel): unknown {
  const request: unknown = JSON.parse(line);
  const kind = typeof request === 'object' && request !== null && 'kind' in request ? request.kind : undefined;
  if (kind === 'report') return tunnel.report();
  if (kind !== 'stop') throw new GatewayError('bad-message', 'the running tunnel does not know this request');
  tunnel.stop();
  return {};
}

async function askTunnel(tunnelId: string, request: TunnelRequest, signal: AbortSignal): Promise<unknown> {
  const directory = join(registryPath(), tunnelId);
  const nobody = { message: `tunnel ${tunnelId} does not run`, remedy: 'pam tunnel list shows those that do.' };
  try {
    return await askLocal({ directory, request, who: `tunnel ${tunnelId}`, nobody }, signal);
  } catch (error) {
    // One that hangs or ends at this moment must not hide the others.
    if (!(error instanceof GatewayError)) throw error;
    if (error.code === 'unreachable') removeStale(directory);
    return undefined;
  }
}

function registered(): readonly string[] {
  try {
    const entries = readdirSync(registryPath(), { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .slice(0, TUNNELS_MAX);
  } catch {
    return [];
  }
}

function removeStale(directory: string): void {
  const made = statSync(directory, { throwIfNoEntry: false });
  if (made !== undefined && Date.now() - made.mtimeMs > STARTING_MS)
    rmSync(directory, { recursive: true, force: true });
}

function registryPath(): string {
  return join(homedir(), '.pam', 'tunnels');
}
