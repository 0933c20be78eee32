/** What is sealed to the pool is read by the pool alone, and only where it belongs. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/base/secret.ts';
import { agreementKeysFromSeed } from '../../src/base/x25519.ts';
import { openBox, sealBox } from '../../src/vault/box.ts';
import { openCredential, sealCredential } from '../../src/vault/sealed-credential.ts';

const keys = agreementKeysFromSeed(new Uint8Array(32).fill(7));
const others = agreementKeysFromSeed(new Uint8Array(32).fill(8));
const context = { gatewayUid: 'gateway', recordId: 'record', versionId: 'version' };
const text = (content: string): Uint8Array => new TextEncoder().encode(content);

describe('a box', () => {
  it('gives back what was put in, also after a change of keys', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (content) => {
        const box = sealBox(content, keys.publicKey, context);
        expect(openBox(box, [others, keys], context)).toEqual(content);
      }),
      { numRuns: 30 },
    );
  });

  it('opens with no bit changed', () => {
    const box = sealBox(text('secret'), keys.publicKey, context);
    for (let bit = 0; bit < box.length * 8; bit += 5) {
      const changed = box.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => openBox(changed, [keys], context)).toThrow('cannot be opened');
    }
  });

  it.each(['gatewayUid', 'recordId', 'versionId'])('opens for no other %s', (name) => {
    const box = sealBox(text('secret'), keys.publicKey, context);
    expect(() => openBox(box, [keys], { ...context, [name]: 'other' })).toThrow('belongs to another record');
  });

  it('opens with no other key', () => {
    const box = sealBox(text('secret'), keys.publicKey, context);
    expect(() => openBox(box, [others], context)).toThrow('another key than this gateway has');
  });

  it('is never the same twice, and does not tell the length of a password', () => {
    const seal = (password: string): Uint8Array => sealBox(text(password), keys.publicKey, context);
    expect(seal('a')).not.toEqual(seal('a'));
    expect(seal('a')).toHaveLength(seal('a'.repeat(64)).length);
  });
});

describe('a sealed credential', () => {
  it('comes back with every part', () => {
    const credential = {
      user: 'root',
      password: new Secret('pass\nwörd'),
      privateKey: new Secret('-----BEGIN\n'.repeat(300)),
      passphrase: null,
      certificate: 'ssh-ed25519-cert-v01@openssh.com AAAA',
    };
    const opened = openCredential(sealCredential(credential, keys.publicKey, context), [keys], context);
    expect(opened.user).toBe('root');
    expect(opened.password?.reveal()).toBe('pass\nwörd');
    expect(opened.privateKey?.reveal()).toBe(credential.privateKey.reveal());
    expect(opened.passphrase).toBeNull();
    expect(opened.certificate).toBe(credential.certificate);
  });

  it('says which part is too long', () => {
    const credential = { user: null, privateKey: null, passphrase: null, certificate: null };
    const long = { ...credential, password: new Secret('x'.repeat(2000)) };
    expect(() => sealCredential(long, keys.publicKey, context)).toThrow('the password has 2000 bytes; at most 1024');
  });
});
