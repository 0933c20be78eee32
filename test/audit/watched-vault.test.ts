import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../src/base/errors.ts';
import { Secret } from '../../src/base/secret.ts';
import type { Vault } from '../../src/vault/index.ts';
import { linesOf, openLog, useFolders } from './open-log.ts';

const makeFolder = useFolders();
const credential = {
  user: 'root',
  password: new Secret('hunter2'),
  privateKey: null,
  passphrase: null,
  certificate: null,
};
const version = { versionId: 'v', state: 'active', credential, changedUnixMs: 1, jobId: null } as const;
const set = { recordId: 'r', revision: 'x1', versions: [version] };
const vault: Vault = {
  name: 'test',
  read: async () => set,
  change: async () => {
    throw new GatewayError('vault-conflict', 'changed meanwhile');
  },
};
const reading = { purpose: 'connection', jobId: 'j', caller: 'c' };
const soon = () => AbortSignal.timeout(5000);

describe('a vault that is watched', () => {
  it('records each credential before a job has it, without its value', async () => {
    const directory = makeFolder();
    const log = await openLog(directory);
    expect(await log.vaultFor(vault, reading).read('r', soon())).toBe(set);
    const text = linesOf(directory).join('\n');
    expect(text).toContain('"kind":"credential-read","recordId":"r","revision":"x1","outcome":"read"');
    expect(text).toContain('"jobId":"j","caller":"c"');
    expect(text).not.toContain('hunter2');
    await log.close();
  });

  it('gives nothing where nothing can be recorded', async () => {
    const log = await openLog(makeFolder());
    await log.close();
    await expect(log.vaultFor(vault, reading).read('r', soon())).rejects.toMatchObject({ code: 'storage-failed' });
  });

  it('records each change, and that it failed', async () => {
    const directory = makeFolder();
    const log = await openLog(directory);
    const change = log
      .vaultFor(vault, reading)
      .change({ recordId: 'r', revision: 'x1' }, { kind: 'stage', credential, jobId: 'j' }, soon());
    await expect(change).rejects.toMatchObject({ code: 'vault-conflict' });
    await log.settled();
    const steps = linesOf(directory).filter((line) => line.includes('rotation-step'));
    expect(steps.map((line) => /"outcome":"(\w+)"/.exec(line)?.[1])).toEqual(['begun', 'failed']);
    expect(linesOf(directory).join('')).not.toContain('hunter2');
    await log.close();
  });
});
