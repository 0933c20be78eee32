import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { keyPairFromSeed } from '../../src/base/ed25519.ts';
import { Secret } from '../../src/base/secret.ts';
import {
  createGateway,
  formatProfile,
  loadProfile,
  type Profile,
  parseProfile,
  profilePath,
  saveProfile,
} from '../../src/config/index.ts';
import { type Grant, grantSeal } from '../../src/wire/grant.ts';
import { seal } from '../../src/wire/sealed.ts';
import { failureOf, temporaryDirectories } from './temporary-directory.ts';

const newDirectory = temporaryDirectories();
const created = createGateway({ name: 'Berlin', maxInstances: 3, bootstrap: [], addresses: [] });
const admin = parseProfile(created.adminProfile.reveal(), 'admin');
const adminKey = keyPairFromSeed(admin.key.reveal());
const seed = new Uint8Array(32).fill(9);
const userKey = keyPairFromSeed(seed);
const stranger = keyPairFromSeed(new Uint8Array(32).fill(8));

const grant: Grant = {
  gatewayUid: created.uid,
  grantId: 'g',
  name: 'Ada',
  userKey: userKey.id,
  allow: [{ kind: 'tunnel', record: '*' }],
  issuedUnixMs: 1,
  expiresUnixMs: 2,
  conditions: null,
};
const user = (change: Partial<Grant> = {}, signer = adminKey): Profile => ({
  gateway: admin.gateway,
  adminKeys: admin.adminKeys,
  threshold: admin.threshold,
  poolKey: admin.poolKey,
  key: new Secret(seed),
  keyId: userKey.id,
  role: 'user',
  name: 'Ada',
  grant: new Uint8Array(seal(grantSeal, { ...grant, ...change }, [signer])),
  addresses: ['gateway-1:7401'],
});
const parse = (text: string): Profile => parseProfile(text, 'profile.json');

describe('a profile', () => {
  it('of an older version, which does not say how many admins sign, means one', () => {
    const { threshold: _, ...older } = JSON.parse(created.adminProfile.reveal());
    expect(parseProfile(JSON.stringify(older), 'p').threshold).toBe(1);
  });

  it('is saved for its owner alone and read back', () => {
    const path = join(newDirectory(), '.pam', 'profile.json');
    saveProfile(path, user());
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const loaded = loadProfile(path);
    expect(loaded).toEqual(user());
    expect(loaded.key.reveal()).toEqual(seed);
  });

  it('is replaced only on request', () => {
    const path = join(newDirectory(), 'profile.json');
    saveProfile(path, user());
    expect(failureOf(() => saveProfile(path, admin)).code).toBe('already-exists');
    saveProfile(path, admin, { replace: true });
    expect(loadProfile(path).role).toBe('admin');
  });

  it('is refused while others can read it, and when it is not there', () => {
    const path = join(newDirectory(), 'profile.json');
    expect(failureOf(() => loadProfile(path)).text).toContain(
      'there is no such file (profile). Name one with --profile FILE or PAM_PROFILE',
    );
    saveProfile(path, user());
    chmodSync(path, 0o640);
    expect(failureOf(() => loadProfile(path)).text).toContain(`Run: chmod 600 ${path}`);
  });

  it('comes from the flag, else the environment, else the home directory', () => {
    const env = { PAM_PROFILE: '/env.json' };
    expect(profilePath({ flag: '/flag.json', env, home: '/home/ada' })).toBe('/flag.json');
    expect(profilePath({ flag: undefined, env, home: '/home/ada' })).toBe('/env.json');
    expect(profilePath({ flag: undefined, env: { PAM_PROFILE: '' }, home: '/home/ada' })).toBe(
      '/home/ada/.pam/profile.json',
    );
  });

  it('shows its key to nobody', () => {
    expect(inspect(user(), { depth: 9 }) + JSON.stringify(user())).not.toContain(Buffer.from(seed).toString('base64'));
  });

  it.each<readonly [string, () => Profile, string]>([
    [
      'an admin whose key is not an admin key',
      () => ({ ...user(), role: 'admin', grant: null }),
      `key: is that of ${userKey.id}, which is not in adminKeys`,
    ],
    ['a user without a grant', () => ({ ...user(), grant: null }), 'grant: is null, but the role is user'],
    ['a grant for somebody else', () => user({ userKey: stranger.id }), `grant: is for the key ${stranger.id}`],
    ['a grant of another gateway', () => user({ gatewayUid: 'other' }), 'grant: belongs to gateway other'],
    ['a grant signed by nobody known', () => user({}, stranger), 'grant: is not signed by a key of adminKeys'],
    ['a broken grant', () => ({ ...user(), grant: new Uint8Array([1]) }), 'grant: is not a signed grant'],
  ])('is refused with %s', (_, make, expected) => {
    const { code, text } = failureOf(() => parse(formatProfile(make()).reveal()));
    expect(code).toBe('bad-config');
    expect(text).toContain(`profile.json: ${expected}`);
  });

  it('has all its mistakes reported at once, without the key', () => {
    const secret = 'c2VjcmV0IHNlY3JldA==';
    const text = JSON.stringify({
      version: 1,
      gateway: { uid: 1 },
      key: secret,
      rolle: 'admin',
      role: 'boss',
      grant: 7,
      addresses: ['x:y'],
    });
    const lines = failureOf(() => parse(text))
      .text.split('\n')
      .slice(1);
    expect(lines.map((line) => line.trim().replace('profile.json: ', '').split(':')[0])).toEqual([
      'gateway.uid',
      'gateway.name',
      'adminKeys',
      'poolKey',
      'key',
      'role',
      'name',
      'grant',
      'addresses[0]',
      'rolle',
    ]);
    expect(lines.join('')).not.toContain(secret);
  });
});
