/** No secret leaves in a bundle, and what helps stays. */

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { redact } from '../../src/api/client.ts';
import { Secret } from '../../src/base/secret.ts';
import { idOf } from './pool.ts';

describe('a redacted document', () => {
  it.each([
    ['an entry by its name', { poolSecret: 'abc' }],
    ['a password', { target: { password: 'abc' } }],
    ['a private key in a list', { list: [{ privateKey: 'abc' }] }],
    ['an environment variable', { GATEWAY_CONFIG: 'abc' }],
    ['a wrapped secret', { value: new Secret('abc') }],
    ['a list under a secret name', { tokens: ['abc'] }],
    ['bytes', { value: new TextEncoder().encode('abc') }],
    ['a PEM key in a text', { note: '-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----' }],
  ])('lacks %s', (_, document) => {
    const text = JSON.stringify(redact(document));
    expect(text).not.toContain('abc');
    expect(text).not.toContain('97,98,99');
  });

  it('lacks 32 random bytes in base64 wherever they stand', () => {
    for (let round = 0; round < 200; round++) {
      const bytes = randomBytes(32);
      for (const key of [bytes.toString('base64'), bytes.toString('base64url')]) {
        expect(JSON.stringify(redact({ log: `started with ${key} as argument` }))).not.toContain(key.slice(5, 30));
      }
    }
  });

  it('lacks a key whose base64 happens to begin like a path', () => {
    const key = `ab/cd/${'aBcDeFgHiJ'.repeat(4)}=`;
    expect(JSON.stringify(redact({ log: `with ${key}` }))).not.toContain(key.slice(5, 30));
  });

  it('lacks a key whose base64 happens to have no decimal digit', () => {
    const key = `${'aBcDeFgHiJ'.repeat(4)}kLmN=`;
    expect(JSON.stringify(redact({ log: `with ${key}` }))).not.toContain(key.slice(5, 30));
  });

  it.each([
    idOf('gw-a'),
    `/ip4/10.0.0.1/tcp/7400/p2p/${idOf('gw-a')}`,
    `to ${idOf('gw-a')} and ${idOf('gw-b')}`,
    '/var/lib/pam-gateway/with/A/long/path/Of1Many/parts/and/more/parts',
    '/pam-mesh/1/pool/px7vqj6ac7fwj4f25cssnsmn5i',
    '3J98t1WpEZ73CNmQviecrn',
    '2026-01-15T14:00:00.000Z',
  ])('keeps %s', (text) => {
    expect(redact({ text })).toEqual({ text });
  });

  it('keeps numbers, flags and nothing', () => {
    const document = { tokens: 3, hasPassword: true, secret: null, adminKeys: ['x'], signedBy: ['y'] };
    expect(redact(document)).toEqual(document);
  });
});
