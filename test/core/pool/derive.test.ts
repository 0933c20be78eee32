import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { formatHex } from '../../../src/base/bytes.ts';
import { derivePoolKeys, type PoolKeys } from '../../../src/core/pool/index.ts';

const SECRET = Uint8Array.from({ length: 32 }, (_, index) => index);
const UID = 'AAECAwQFBgcICQoLDA0ODw';
const shown = (keys: PoolKeys): readonly string[] => [
  keys.poolTopic,
  keys.poolId,
  formatHex(keys.networkKey.reveal()),
  formatHex(keys.accessKeySeed.reveal()),
  keys.discoveryTag,
  formatHex(keys.vaultKeySeed.reveal()),
  formatHex(keys.recordingKey.reveal()),
  formatHex(keys.sshProxyKey.reveal()),
];

describe('what is derived from the pool secret', () => {
  it('is what every version before derived', () => {
    expect(shown(derivePoolKeys({ secret: SECRET, gatewayUid: UID }))).toEqual([
      '/pam-mesh/1/pool/uzr4qlsx7ugrc75t4kb5uqnory',
      '2yael5duelzd37k5',
      '25feb97660a8ae8c8b0d2b96d195861db66493e8730cc3772e4a95b306c53f3e',
      '92291d9da03340a1be094db3566948db48e404693b4b19995e4121924b059cbd',
      'qtp3sxrkslsmkwtfhsxg7kg7',
      'bc22291a5099d7d5d9f1e9f0b451bca57cb1e111d704c791a94600d5a53906ab',
      '6ba0efd3a29568a0132a952d361ca3b3e5cb123a2a7fb5fe65d145134e36caea',
      '887ca55fdfb5396450725f5037a98aecf5b6923c5ea21643c1e73c41b87507da',
    ]);
  });

  it('is HKDF as RFC 5869 describes it', () => {
    const hmac = (key: Uint8Array | string, data: Uint8Array | string): Uint8Array =>
      new Uint8Array(createHmac('sha256', key).update(data).digest());
    const pseudoRandomKey = hmac(`pam-mesh/1/gateway/${UID}`, SECRET);
    const networkKey = hmac(pseudoRandomKey, 'pam-mesh/1/network-key\u0001');
    expect(shown(derivePoolKeys({ secret: SECRET, gatewayUid: UID }))[2]).toBe(formatHex(networkKey));
  });

  it.each([
    ['another secret', { secret: SECRET.with(31, 0), gatewayUid: UID }],
    ['another gateway', { secret: SECRET, gatewayUid: `${UID.slice(0, -1)}A` }],
  ])('has nothing in common with that of %s', (_, other) => {
    const one = shown(derivePoolKeys({ secret: SECRET, gatewayUid: UID }));
    const two = shown(derivePoolKeys(other));
    expect(one.filter((value, index) => value === two[index])).toEqual([]);
  });

  it('differs for each purpose and shows no secret', () => {
    const keys = derivePoolKeys({ secret: SECRET, gatewayUid: UID });
    const [topic = '', id = '', networkKey = '', accessKeySeed = '', tag = '', vaultKeySeed = ''] = shown(keys);
    expect(topic).toMatch(/^\/pam-mesh\/1\/pool\/[a-z2-7]{26}$/);
    expect(id).toMatch(/^[a-z2-7]{16}$/);
    expect(tag).toMatch(/^[a-z2-7]{24}$/);
    expect(topic).not.toContain(id);
    expect(networkKey).not.toBe(accessKeySeed);
    for (const secret of [networkKey, accessKeySeed, vaultKeySeed]) expect(JSON.stringify(keys)).not.toContain(secret);
  });
});
