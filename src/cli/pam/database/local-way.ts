import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Tunnel, TunnelInit } from '../../../access/client/index.ts';
import { GatewayError } from '../../../base/errors.ts';
import type { TargetRecord } from '../../../wire/record.ts';
import type { LocalWay, Names } from './programs.ts';

/** Label of a record with the database that is meant where none is named. */
const DATABASE_LABEL = 'database.name';

/** What a record names for the programs of its database. The gateway logs in as whom the credential is for, whatever user is named here. */
export function namesOf({ user, labels }: TargetRecord): Names {
  const database = labels.find(({ key }) => key === DATABASE_LABEL)?.value;
  return { user: user ?? 'gateway', database };
}

/** Part of how to listen on a Unix socket in this folder, which is made and shut to everybody else. */
export function listenInFolder(named: string, socketName: string): Pick<TunnelInit, 'path'> {
  const folder = resolve(named);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
  } catch (cause) {
    throw new GatewayError('bad-usage', `--socket: ${cause instanceof Error ? cause.message : folder}`, { cause });
  }
  const path = join(folder, socketName);
  // One that a process of this user left behind would keep the name taken.
  rmSync(path, { force: true });
  return { path };
}

/** A folder for one session's socket that nobody else can enter. */
export function privateFolder(): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'pam-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Where a tunnel listens, for programs. */
export function wayOf({ listening }: Tunnel): LocalWay {
  const found = /^\[?([^[\]/]+)\]?:(\d+)$/.exec(listening);
  if (found === null) return { kind: 'socket', folder: listening.slice(0, listening.lastIndexOf('/')) };
  return { kind: 'port', host: found[1] ?? '', port: Number(found[2]) };
}

/** A way in that needs no password stays on this machine. Throws `bad-usage`. */
export function assertLoopback(host: string): void {
  if (host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))) return;
  throw new GatewayError('bad-usage', `--host ${host}: a port that needs no password is opened on loopback only`, {
    remedy: 'Leave --host out, or open a plain tunnel with --plain and log in yourself.',
  });
}
