import { setTimeout as delay } from 'node:timers/promises';
import { GatewayError } from '../../../base/errors.ts';
import type { Credential } from '../../../vault/index.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { adminKeysOf, type Connected } from '../connection.ts';

/** What is stored for which record; null: the record has no credential from now on. */
export interface CredentialToPublish {
  readonly recordId: string;
  readonly credential: Credential | null;
  readonly signWith: readonly string[];
  readonly terminal: Terminal;
}

/** Somebody else's change may come between reading and writing, or another entry may not have the record yet, this often. */
const TRIES_MAX = 5;
const RETRY_MS = 200;

/** Seals a credential to the pool, signs it with the admin keys and hands it in; ends when it is stored. */
export async function publishCredential(connected: Connected, published: CredentialToPublish): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await publishOnce(connected, published);
    } catch (error) {
      const isRace = error instanceof GatewayError && ['vault-conflict', 'not-found'].includes(error.code);
      if (!isRace || tries >= TRIES_MAX) throw error;
      await delay(RETRY_MS, undefined, { signal: published.terminal.signal });
    }
  }
}

async function publishOnce(
  { client, profile }: Connected,
  { recordId, credential, signWith, terminal }: CredentialToPublish,
): Promise<void> {
  const { signal } = terminal;
  const [{ writeCredential }, { sealWith }, { credentialEditionSeal }] = await Promise.all([
    import('../../../vault/client.ts'),
    import('../../../config/client.ts'),
    import('../../../wire/credential.ts'),
  ]);
  const welcome = await client.welcome(signal);
  if (welcome.vaultKey === '') {
    throw new GatewayError('not-supported', 'the vault of this gateway takes no credentials from pam', {
      remedy: 'Write them in the vault that its configuration names.',
    });
  }
  const { sealed: from } = await client.request({ kind: 'list-editions', recordId }, 'editions', signal);
  const edition = writeCredential({
    // Whoever is an instance of the pool, which the welcome has proved, may sign editions anyway: former admins' need no second look.
    authority: { uid: profile.gateway.uid, signedByAdmin: () => true, poolKeys: [profile.poolKey] },
    recordId,
    from,
    vaultKey: new Uint8Array(Buffer.from(welcome.vaultKey, 'base64url')),
    unixMs: welcome.unixMs,
    credential,
  });
  const sealed = await sealWith(credentialEditionSeal, edition, await adminKeysOf(terminal, profile, signWith));
  await client.request({ kind: 'offer-edition', sealed }, 'done', signal);
}
