import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { keyPairFromSeed } from '../../src/base/ed25519.ts';
import { Secret } from '../../src/base/secret.ts';
import {
  ConfigError,
  createGateway,
  type GatewayConfig,
  loadGatewayConfig,
  loadProfile,
  parseGatewayConfig,
  writeGateway,
} from '../../src/config/index.ts';
import { limitSeal } from '../../src/wire/limit.ts';
import { seal } from '../../src/wire/sealed.ts';
import { failureOf, temporaryDirectories, writePrivate } from './temporary-directory.ts';

const newDirectory = temporaryDirectories();
const INIT = { name: 'Berlin', maxInstances: 3, bootstrap: ['gateway-1:7400'], addresses: ['gateway-1:7401'] };
const created = createGateway(INIT);
const TEXT = created.configuration.reveal();
const admin = keyPairFromSeed(new Uint8Array(32).fill(1));
const stranger = keyPairFromSeed(new Uint8Array(32).fill(2));

type Json = Record<string, unknown>;
const parse = (text: string): GatewayConfig => parseGatewayConfig(text, 'gateway-config.json');
const changed = (change: (document: Json) => void): string => {
  const document: Json = JSON.parse(TEXT);
  change(document);
  return JSON.stringify(document);
};
const set = (path: string, value: unknown) => (document: Json) => {
  const [first = '', second] = path.split('.');
  const inner = document[first];
  if (second === undefined) document[first] = value;
  else if (typeof inner === 'object' && inner !== null) Object.assign(inner, { [second]: value });
};
const secretOf = (text: string): string => {
  const document: Json = JSON.parse(text);
  return String(document['poolSecret']);
};

/** A configuration of two admins whose first limit is signed as told. */
function withAdmins(options: {
  readonly signers: readonly (typeof admin)[];
  readonly threshold: number;
  readonly uid?: string;
}): string {
  const limit = {
    gatewayUid: options.uid ?? created.uid,
    maxInstances: 2,
    version: 1,
    issuedUnixMs: 1,
    expiresUnixMs: null,
  };
  return changed((document) => {
    document['adminKeys'] = [admin.id, keyPairFromSeed(new Uint8Array(32).fill(3)).id];
    document['threshold'] = options.threshold;
    document['firstLimit'] = Buffer.from(seal(limitSeal, limit, options.signers)).toString('base64');
  });
}

describe('a new gateway', () => {
  it('is written in two files that only their owner can read, and both are read back', () => {
    const directory = join(newDirectory(), 'new', 'berlin');
    const paths = writeGateway(directory, created);
    expect([paths.configurationPath, paths.adminProfilePath].map((path) => statSync(path).mode & 0o777)).toEqual([
      0o600, 0o600,
    ]);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    const config = loadGatewayConfig({ kind: 'file', path: paths.configurationPath });
    const profile = loadProfile(paths.adminProfilePath);
    expect(config).toMatchObject({
      uid: created.uid,
      name: 'Berlin',
      threshold: 1,
      bootstrap: INIT.bootstrap,
      addresses: INIT.addresses,
    });
    expect(config.limit).toMatchObject({ gatewayUid: created.uid, maxInstances: 3, version: 1, expiresUnixMs: null });
    expect(profile).toMatchObject({
      role: 'admin',
      grant: null,
      addresses: INIT.addresses,
      adminKeys: config.adminKeys,
    });
    expect(config.adminKeys).toEqual([profile.keyId]);
    expect(created.uid).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });

  it('shares nothing with the next one', () => {
    const next = createGateway(INIT);
    expect(next.uid).not.toBe(created.uid);
    expect(secretOf(next.configuration.reveal())).not.toBe(secretOf(TEXT));
  });

  it.each(['gateway-config.json', 'admin-profile.json'])(
    'never overwrites %s, and then leaves nothing behind',
    (file) => {
      const directory = newDirectory();
      writeFileSync(join(directory, file), 'precious');
      const { code, text } = failureOf(() => writeGateway(directory, created));
      expect(code).toBe('already-exists');
      expect(text).toContain(join(directory, file));
      expect(readFileSync(join(directory, file), 'utf8')).toBe('precious');
      const other = file === 'gateway-config.json' ? 'admin-profile.json' : 'gateway-config.json';
      expect(statSync(join(directory, other), { throwIfNoEntry: false })).toBeUndefined();
    },
  );

  it('says everything that is wrong at once', () => {
    const { code, text } = failureOf(() =>
      createGateway({ name: ' ', maxInstances: 10_001, bootstrap: ['a:0'], addresses: ['b', 'b'] }),
    );
    expect(code).toBe('bad-usage');
    expect(text.split('\n').slice(1)).toEqual([
      expect.stringContaining('--name " " is wrong'),
      expect.stringContaining('--max-instances must be at most 10000, got 10001'),
      expect.stringContaining('--bootstrap "a:0" has port 0'),
      expect.stringContaining('--address "b" is given twice'),
      expect.stringContaining('--address "b" is neither'),
      expect.stringContaining('--address "b" is neither'),
    ]);
  });

  it.each([0, -1])('refuses %i instances in the words of the reference', (maxInstances) => {
    expect(failureOf(() => createGateway({ ...INIT, maxInstances })).error.message).toBe(
      '--max-instances must be at least 1',
    );
  });
});

describe('a gateway configuration', () => {
  it('is the same from a file and from base64 in the environment', () => {
    const path = writePrivate(join(newDirectory(), 'gateway-config.json'), TEXT);
    const wrapped = Buffer.from(TEXT).toString('base64').replace(/.{76}/g, '$&\n');
    const source = { kind: 'base64', text: new Secret(wrapped), where: 'GATEWAY_CONFIG' } as const;
    const [one, two] = [loadGatewayConfig({ kind: 'file', path }), loadGatewayConfig(source)];
    expect(two).toEqual(one);
    expect(two.poolSecret.reveal()).toEqual(new Uint8Array(Buffer.from(secretOf(TEXT), 'base64')));
  });

  it('does not show its secret', () => {
    const config = parse(TEXT);
    expect(inspect(config, { depth: 9 }) + JSON.stringify(config)).not.toContain(secretOf(TEXT));
  });

  it.each([
    [
      'there is no file',
      (path: string) => path,
      'there is no such file (gateway configuration). Write one with "pam gateway new"',
    ],
    ['it is a directory', (path: string) => mkdirSync(path, { recursive: true }) ?? path, 'is a directory'],
    ['it is enormous', (path: string) => writePrivate(path, ' '.repeat(1024 * 1024 + 1)), 'at most 1048576'],
    ['it is empty', (path: string) => writePrivate(path, ''), 'is not JSON'],
    ['it is not JSON', (path: string) => writePrivate(path, TEXT.slice(0, -4)), 'is not JSON'],
    ['it is a list', (path: string) => writePrivate(path, '[]'), 'holds a list; expected an object'],
    [
      'it is newer',
      (path: string) => writePrivate(path, changed(set('version', 3))),
      'version: 3 was written for a newer program',
    ],
    ['it has no version', (path: string) => writePrivate(path, '{"a":1}'), 'version: is missing; expected 1'],
    [
      'its version is text',
      (path: string) => writePrivate(path, changed(set('version', '1'))),
      'version: "1" is wrong; expected 1',
    ],
  ])('is refused when %s', (_, write, expected) => {
    const path = write(join(newDirectory(), 'gateway-config.json'));
    const { code, text } = failureOf(() => loadGatewayConfig({ kind: 'file', path }));
    expect(code).toBe('bad-config');
    expect(text).toContain(path);
    expect(text).toContain(expected);
    expect(text).not.toContain(secretOf(TEXT));
  });

  it.each([0o640, 0o604, 0o644, 0o660])('is refused when its mode is %o, also behind a link', (mode) => {
    const directory = newDirectory();
    const path = writePrivate(join(directory, 'gateway-config.json'), TEXT);
    symlinkSync(path, join(directory, 'link.json'));
    chmodSync(path, mode);
    for (const name of [path, join(directory, 'link.json')]) {
      const { code, text } = failureOf(() => loadGatewayConfig({ kind: 'file', path: name }));
      expect(code).toBe('bad-config');
      expect(text).toContain(`(mode 0${mode.toString(8)})`);
      expect(text).toContain(`Run: chmod 600 ${name}`);
    }
  });

  it.each([
    ['', 'is empty'],
    ['{"version":1}', 'holds JSON; expected base64 of it'],
    ['%%%', 'is not base64'],
    [Buffer.from('hello').toString('base64'), 'is not JSON'],
  ])('in the environment is refused when it is %j', (text, expected) => {
    const failed = failureOf(() =>
      loadGatewayConfig({ kind: 'base64', text: new Secret(text), where: 'GATEWAY_CONFIG' }),
    );
    expect(failed.text).toContain(`GATEWAY_CONFIG: ${expected}`);
  });

  const wrong: readonly (readonly [string, unknown, string])[] = [
    ['gateway', 'Berlin', 'gateway: is missing or of the wrong type; expected object'],
    ['gateway.uid', 'short', 'gateway.uid: "short" is wrong; expected 22 characters'],
    ['gateway.name', '', 'gateway.name: "" is wrong; expected text of 1 to 128'],
    ['gateway.name', 'a\nb', 'gateway.name: "a\\nb" is wrong'],
    ['gateway.name', 'n'.repeat(129), '(129 characters) is wrong'],
    ['poolSecret', 'AAAA', 'poolSecret: (not shown) is wrong; expected base64 of 32 bytes'],
    ['poolSecret', 17, 'poolSecret: (not shown) is wrong'],
    ['adminKeys', [], 'adminKeys: has 0 entries; expected a list of 1 to 16'],
    ['adminKeys', 'key', 'adminKeys: "key" is wrong; expected a list'],
    ['adminKeys', ['12D3KooW'], 'adminKeys[0]: "12D3KooW" is wrong; expected the peer id'],
    ['adminKeys', [admin.id, admin.id], `adminKeys: lists "${admin.id}" twice`],
    ['adminKeys', [stranger.id], 'firstLimit: has 0 signatures by keys of adminKeys; it needs 1'],
    ['threshold', 0, 'threshold: 0 is wrong; expected a whole number from 1 to 16'],
    ['threshold', 1.5, 'threshold: 1.5 is wrong'],
    ['threshold', '1', 'threshold: "1" is wrong'],
    ['threshold', 2, 'threshold: 2 is more than the 1 in adminKeys'],
    ['firstLimit', 'AAAA', 'firstLimit: is not a signed limit (message is not valid CBOR)'],
    ['firstLimit', null, 'firstLimit: null is wrong; expected base64 of a signed limit'],
    ['bootstrap', ['gateway-1'], 'bootstrap[0]: "gateway-1" is wrong; expected HOST:PORT'],
    ['bootstrap', ['gateway-1:0'], 'bootstrap[0]: "gateway-1:0" is wrong'],
    [
      'bootstrap',
      Array.from({ length: 65 }, (_, index) => `g${index}:1`),
      'bootstrap: has 65 entries; expected a list of 0 to 64',
    ],
    ['addresses', 'gateway-1:7401', 'addresses: "gateway-1:7401" is wrong; expected a list'],
    ['vault', {}, 'vault.provider: is missing; expected "embedded" or "keeper"'],
    ['vault.provider', 'cloud', 'vault.provider: "cloud" is wrong; expected "embedded" or "keeper"'],
    ['vault.region', 'eu', 'vault.region: there is no such key. Remove it.'],
    ['boostrap', [], 'boostrap: there is no such key. Did you mean "bootstrap"?'],
  ];
  it.each(wrong)('with %s = %j is refused', (path, value, expected) => {
    const { code, text } = failureOf(() => parse(changed(set(path, value))));
    expect(code).toBe('bad-config');
    expect(text).toContain(`gateway-config.json: `);
    expect(text).toContain(expected);
  });

  it.each(['gateway', 'poolSecret', 'adminKeys', 'threshold', 'firstLimit', 'bootstrap', 'addresses', 'vault'])(
    'without %s is refused',
    (key) => {
      const { text } = failureOf(() => parse(changed((document) => delete document[key])));
      expect(text).toContain(`${key}: is missing`);
    },
  );

  it('has all its mistakes reported at once, the limit among them', () => {
    const text = changed((document) => {
      set('gateway.name', 7)(document);
      set('poolSecret', 'topsecret')(document);
      set('addresses', ['x'])(document);
      set('topsecretkey topsecretkey', 'topsecret')(document);
      set('adminKeys', [stranger.id])(document);
    });
    const { error, text: shown } = failureOf(() => parse(text));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error instanceof ConfigError ? error.mistakes.map(({ problem }) => problem.split(':')[0]) : []).toEqual([
      'gateway.name',
      'poolSecret',
      'addresses[0]',
      '(not a name)',
      'firstLimit',
    ]);
    expect(shown.split('\n')).toHaveLength(6);
    expect(inspect(error)).not.toContain('topsecret');
  });

  it('has a first limit signed by as many admins as it asks for', () => {
    const second = keyPairFromSeed(new Uint8Array(32).fill(3));
    expect(parse(withAdmins({ signers: [admin, second], threshold: 2 })).limit.maxInstances).toBe(2);
    expect(parse(withAdmins({ signers: [admin], threshold: 1 })).threshold).toBe(1);
    const failed = (signers: readonly (typeof admin)[], uid = created.uid): string =>
      failureOf(() => parse(withAdmins({ signers, threshold: 2, uid }))).text;
    expect(failed([admin])).toContain('firstLimit: has 1 signatures by keys of adminKeys; it needs 2');
    expect(failed([admin, stranger])).toContain('has 1 signatures');
    expect(failed([admin, admin])).toContain('has 1 signatures');
    expect(failed([admin, second], 'AAAAAAAAAAAAAAAAAAAAAA')).toContain(
      'belongs to gateway AAAAAAAAAAAAAAAAAAAAAA, not to',
    );
  });

  it('with one byte of its first limit changed is refused', () => {
    const document: Json = JSON.parse(TEXT);
    const bytes = Buffer.from(String(document['firstLimit']), 'base64');
    for (let index = 0; index < bytes.length; index++) {
      const copy = new Uint8Array(bytes);
      copy[index] = (copy[index] ?? 0) ^ 1;
      const text = changed(set('firstLimit', Buffer.from(copy).toString('base64')));
      expect(failureOf(() => parse(text)).text).toContain('firstLimit: ');
    }
  });
});
