import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { GatewayError } from '../../../base/errors.ts';
import type { HostKeyBook } from './host-key.ts';

/** Entries kept: as many as a pool has records. */
const ENTRIES_MAX = 100_000;

/** The book in a JSON file of the data directory; throws `data-directory` for a damaged one, since forgetting a pin would be trusting anybody. */
export function openHostKeyFile(path: string): HostKeyBook {
  const entries = new Map<string, string>(readEntries(path));
  return {
    find: (place) => entries.get(place),
    add: (place, fingerprint) => {
      if (entries.size >= ENTRIES_MAX) throw full(path);
      writeWhole(path, JSON.stringify(Object.fromEntries([...entries, [place, fingerprint]]), undefined, 1));
      entries.set(place, fingerprint);
    },
  };
}

function readEntries(path: string): readonly (readonly [string, string])[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
    throw new GatewayError('data-directory', `${path} cannot be read`, { cause });
  }
  try {
    return Object.entries(JSON.parse(text)).map(([place, fingerprint]) => [place, String(fingerprint)]);
  } catch (cause) {
    throw new GatewayError('data-directory', `${path} is damaged`, {
      cause,
      remedy: 'Restore it, or remove it if every target may be trusted anew.',
    });
  }
}

function writeWhole(path: string, text: string): void {
  try {
    const file = openSync(`${path}.new`, 'w', 0o600);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(`${path}.new`, path);
  } catch (cause) {
    throw new GatewayError('storage-failed', `the host key cannot be stored in ${path}`, { cause });
  }
}

function full(path: string): GatewayError {
  return new GatewayError('storage-failed', `${path} holds ${ENTRIES_MAX} host keys, the most there may be`, {
    remedy: 'Pin host keys in the records.',
  });
}
