import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/base/secret.ts';

describe('a secret', () => {
  const secret = new Secret('correct horse');

  it('is revealed on purpose only', () => expect(secret.reveal()).toBe('correct horse'));

  it.each([
    ['text', String(secret)],
    ['a template', `${secret}`],
    ['JSON', JSON.stringify({ nested: [secret] })],
    ['inspection', inspect({ nested: [secret] }, { depth: 9, showHidden: true })],
    ['its keys', Object.entries(secret).join()],
    ['a copy', JSON.stringify({ ...secret })],
  ])('does not show in %s', (_, shown) => expect(shown).not.toContain('horse'));
});
