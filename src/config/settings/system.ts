import { homedir, hostname, totalmem } from 'node:os';
import { join } from 'node:path';
import { NAME_LENGTH_MAX } from '../../wire/bounds.ts';

/** What defaults depend on: this machine and this process. */
export interface System {
  readonly isRoot: boolean;
  readonly home: string;
  readonly hostName: string;
  readonly workingDirectory: string;
  /** Memory of the machine, in bytes. */
  readonly memoryBytes: number;
  /** What the container or control group allows, in bytes; 0 where there is no such limit. */
  readonly memoryBytesAllowed: number;
  /** Standard error is a terminal. */
  readonly onTerminal: boolean;
}

/** This machine and this process. */
export function thisSystem(): System {
  return {
    isRoot: process.getuid?.() === 0,
    home: homedir(),
    hostName: hostname(),
    workingDirectory: process.cwd(),
    memoryBytes: totalmem(),
    memoryBytesAllowed: process.constrainedMemory(),
    onTerminal: process.stderr.isTTY === true,
  };
}

const MEBIBYTE = 1024 * 1024;

/** Half of what this process may use: the other half is for everything that is not a session. */
export function defaultMemoryBudgetMb({ memoryBytes, memoryBytesAllowed }: System): number {
  const bytes = memoryBytesAllowed > 0 ? Math.min(memoryBytes, memoryBytesAllowed) : memoryBytes;
  return Math.max(1, Math.floor(bytes / 2 / MEBIBYTE));
}

/** Where an instance keeps its own things. */
export function defaultDataDirectory({ isRoot, home }: System): string {
  return isRoot ? '/var/lib/pam-gateway' : join(home, '.pam-gateway');
}

/** The host name as far as it fits. */
export function defaultName({ hostName }: System): string {
  return hostName.slice(0, NAME_LENGTH_MAX) || 'gateway';
}
