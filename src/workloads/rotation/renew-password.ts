import { randomBytes } from 'node:crypto';
import { Secret } from '../../base/secret.ts';
import type { Credential } from '../../vault/index.ts';
import type { Complexity } from '../../wire/password-complexity.ts';
import { generatePassword } from './generate-password.ts';

/** The credential with another password, from the system's cryptographic random source. */
export function renewPassword(current: Credential, user: string, complexity: Complexity): Credential {
  return { ...current, user, password: new Secret(generatePassword(complexity, randomBytes)) };
}
