import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createEd25519Verify, keyPairFromSeed } from '../../src/base/ed25519.ts';
import { Secret } from '../../src/base/secret.ts';
import { openKeyring } from '../../src/config/data-directory/keyring.ts';
import { createGateway, parseGatewayConfig, parseProfile, rekeyGateway } from '../../src/config/index.ts';
import { open } from '../../src/wire/sealed.ts';
import { successionSeal } from '../../src/wire/succession.ts';
import { failureOf, temporaryDirectories } from './temporary-directory.ts';

const newDirectory = temporaryDirectories();
const created = createGateway({ name: 'Berlin', maxInstances: 3, bootstrap: ['a:1'], addresses: ['a:2'] });
const TEXT = created.configuration.reveal();
const profile = parseProfile(created.adminProfile.reveal(), 'admin');
const admin = keyPairFromSeed(profile.key.reveal());
const HOUR_MS = 3_600_000;

async function rekeyed(text = TEXT, unixMs = 1_000) {
  const made = await rekeyGateway({ text, where: 'old', windowMs: HOUR_MS, signers: [admin], unixMs });
  return { ...made, text: made.configuration.reveal() };
}

function changed(text: string, change: (document: Record<string, unknown>) => void): string {
  const document: Record<string, unknown> = JSON.parse(text);
  change(document);
  return JSON.stringify(document);
}

describe('a configuration with another pool secret', () => {
  it('names the former one and what the admins say; everything else is as it was', async () => {
    const { text, succession } = await rekeyed();
    const [before, after] = [parseGatewayConfig(TEXT, 'old'), parseGatewayConfig(text, 'new')];
    expect(after.poolSecret.reveal()).not.toEqual(before.poolSecret.reveal());
    expect(after.rekeyed?.formerSecrets.map((secret) => secret.reveal())).toEqual([before.poolSecret.reveal()]);
    expect(after.rekeyed?.untilUnixMs).toBe(1_000 + HOUR_MS);
    const { poolSecret: _one, rekeyed: _two, ...rest } = after;
    expect(before).toMatchObject(rest);
    const { value, signers } = open(
      successionSeal,
      after.rekeyed?.succession ?? new Uint8Array(),
      createEd25519Verify(),
    );
    expect(value).toEqual(succession);
    expect(value).toMatchObject({ gatewayUid: created.uid, replaced: [profile.poolKey], issuedUnixMs: 1_000 });
    expect(signers).toEqual([admin.id]);
    expect(JSON.stringify(value)).not.toContain(profile.name);
  });

  it('is made from one that was made so before, once that change is over', async () => {
    const first = await rekeyed();
    await expect(rekeyed(first.text, HOUR_MS)).rejects.toMatchObject({ code: 'already-exists' });
    const second = await rekeyed(first.text, 1_000 + HOUR_MS);
    const { rekeyed: both } = parseGatewayConfig(second.text, 'second');
    expect(both?.formerSecrets).toHaveLength(2);
    expect(second.succession.replaced).toEqual([first.succession.poolKey, profile.poolKey]);
  });

  it('may leave out the former secrets once nobody needs them any more', async () => {
    const { text } = await rekeyed();
    const closed = parseGatewayConfig(
      changed(text, (document) => delete document['formerSecrets']),
      'closed',
    );
    expect(closed.rekeyed?.formerSecrets).toEqual([]);
    const next = await rekeyed(changed(text, (document) => delete document['formerSecrets']));
    expect(next.succession.replaced).toHaveLength(2);
    expect(next.succession.replaced[1]).toBe(profile.poolKey);
  });

  it.each([
    [
      'another secret than the admins speak of',
      { poolSecret: Buffer.alloc(32, 1).toString('base64') },
      'another pool secret',
    ],
    [
      'a former one that they do not replace',
      { formerSecrets: [Buffer.alloc(32, 1).toString('base64')] },
      'formerSecrets',
    ],
    ['a broken statement', { succession: 'AAAA' }, 'succession: is not a signed succession'],
    ['no statement', { succession: undefined }, 'succession: is missing'],
    ['the version of one that was never changed', { version: 1 }, 'succession: belongs to version 2'],
    ['a secret of the wrong length', { formerSecrets: ['AAAA'] }, 'formerSecrets[0]: (not shown) is wrong'],
  ])('is refused with %s', async (_what, change, expected) => {
    const { text } = await rekeyed();
    const { text: message } = failureOf(() =>
      parseGatewayConfig(
        changed(text, (document) => Object.assign(document, change)),
        'new',
      ),
    );
    expect(message).toContain(expected);
  });
});

describe('the keyring of a data directory', () => {
  const [first, second, third] = [1, 2, 3].map((fill) => new Secret(new Uint8Array(32).fill(fill)));
  const keyring = (directory: string, secret = first, former: (Secret<Uint8Array> | undefined)[] = []): number[] =>
    openKeyring({
      directory,
      gatewayUid: 'gateway',
      secret: secret ?? new Secret(new Uint8Array()),
      former: former.flatMap((one) => one ?? []),
    }).map((one) => one.reveal()[0] ?? 0);

  it('keeps the former secrets when the configuration names them no more, for its owner alone and not to be read', () => {
    const directory = newDirectory();
    expect(keyring(directory, first)).toEqual([]);
    expect(keyring(directory, second, [first])).toEqual([1]);
    expect(keyring(directory, second)).toEqual([1]);
    expect(keyring(directory, third, [second])).toEqual([2, 1]);
    expect(keyring(directory, third)).toEqual([2, 1]);
    const path = join(directory, 'keyring');
    expect(statSync(path).mode & 0o077).toBe(0);
    expect(readFileSync(path).includes(Buffer.alloc(32, 1))).toBe(false);
  });

  it('refuses another secret, and a damaged file, before anything is taken for damaged', () => {
    const directory = newDirectory();
    keyring(directory, second, [first]);
    const path = join(directory, 'keyring');
    const before = readFileSync(path);
    const wrong = 'belongs to another pool secret than the one of this configuration';
    expect(failureOf(() => keyring(directory, first)).text).toContain(wrong);
    expect(failureOf(() => keyring(directory, third)).text).toContain(wrong);
    expect(readFileSync(path)).toEqual(before);
    for (const damaged of [Buffer.alloc(0), before.subarray(1), Buffer.concat([before, Buffer.alloc(1)])]) {
      writeFileSync(path, damaged, { mode: 0o600 });
      expect(failureOf(() => keyring(directory, second)).text).toContain(wrong);
    }
  });
});
