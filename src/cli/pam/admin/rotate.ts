import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { KeyPair } from '../../../base/ed25519.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { requireFlag } from '../../frame/flags.ts';
import { askPassphrase } from '../../frame/passphrase.ts';
import type { Terminal } from '../../frame/terminal.ts';
import {
  addProfileOptions,
  adminKeysOf,
  type Connected,
  type ProfileOptions,
  signWithOption,
  useClient,
  withClient,
} from '../connection.ts';
import type { PolicyChange } from '../policy/next-policy.ts';
import {
  draftPolicy,
  formatHeld,
  type Held,
  refuseMissing,
  reportHeld,
  waitUntilPolicyHeld,
} from '../policy/publish-policy.ts';
import { highestLimitVersion, readPool } from '../pool-view.ts';

interface RotateOptions extends ProfileOptions {
  readonly out?: string;
  readonly passphrase?: boolean;
  readonly signWith: readonly string[];
}

type Authority = NonNullable<PolicyChange['authority']>;

const EXAMPLE = 'pam admin rotate --out admin-profile-2.json';
const SEED_BYTES = 32;

/** `pam admin rotate`: a new key in the place of the profile's; the old one counts no more. */
export function rotateCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'rotate',
    summary: 'replace your admin key by a new one; the old one and the grants it signed count no more',
    examples: [EXAMPLE],
  });
  return addProfileOptions(command)
    .option('--out <FILE>', 'profile with the new key; never overwritten')
    .option('--passphrase', 'protect the new key by a passphrase')
    .addOption(signWithOption())
    .action((options: RotateOptions) => rotate(terminal, options));
}

async function rotate(terminal: Terminal, options: RotateOptions): Promise<void> {
  const path = resolve(requireFlag(options.out, '--out', EXAMPLE));
  const [{ keyPairFromSeed }, { Secret }, { saveProfile }] = await Promise.all([
    import('../../../base/ed25519.ts'),
    import('../../../base/secret.ts'),
    import('../../../config/index.ts'),
  ]);
  await withClient(terminal, options, async (connected) => {
    const { client, profile } = connected;
    const signers = await adminKeysOf(terminal, profile, options.signWith);
    const seed = new Secret(new Uint8Array(randomBytes(SEED_BYTES)));
    const added = keyPairFromSeed(seed.reveal());
    const { keysOf, readPolicy } = await import('../policy/next-policy.ts');
    const { adminKeys, threshold } = (await readPolicy(client, profile, terminal.signal)).authority;
    const replaced = keysOf(adminKeys).map((key) => (key === profile.keyId ? added.id : key));
    const authority = { adminKeys: replaced, threshold };
    const what = 'your new admin key';
    const passphrase = options.passphrase === true ? await askPassphrase(terminal, { what, twice: true }) : undefined;
    // Before anything is signed: the pool must never name a key that nobody has.
    saveProfile(path, { ...profile, ...authority, key: seed, keyId: added.id }, { passphrase });
    const version = await publishRotation(terminal, connected, { authority, signers: [...signers, added] });
    const remaining = signers.filter(({ id }) => id !== profile.keyId);
    const renewed = { ...profile, key: seed, keyId: added.id };
    // The old key is let in no more: the new one connects anew.
    const held = await useClient(terminal, renewed, async (renewedClient) => {
      await signLimitAnew(terminal, { client: renewedClient, profile: renewed }, [added, ...remaining]);
      return waitUntilPolicyHeld(renewedClient, version, terminal.signal);
    });
    report(terminal, options, { path, keyId: added.id, held });
  });
}

/** Hands in the policy that changes the admins; its version. */
async function publishRotation(
  { signal }: Terminal,
  connected: Connected,
  { authority, signers }: { readonly authority: Authority; readonly signers: readonly KeyPair[] },
): Promise<number> {
  const [{ policySeal }, { seal }] = await Promise.all([
    import('../../../wire/policy.ts'),
    import('../../../wire/sealed.ts'),
  ]);
  const policy = await draftPolicy(connected, { authority }, signal);
  const sealed = seal(policySeal, policy, signers);
  await connected.client.request({ kind: 'offer-policy', sealed }, 'done', signal);
  return policy.version;
}

/** The limit in force by the new admins, so that the old ones' word counts for nothing any more. */
async function signLimitAnew(
  { signal }: Terminal,
  { client, profile }: Connected,
  signers: readonly KeyPair[],
): Promise<void> {
  const [{ limitSeal }, { seal }] = await Promise.all([
    import('../../../wire/limit.ts'),
    import('../../../wire/sealed.ts'),
  ]);
  const pool = await readPool(client, signal);
  const { unixMs: issuedUnixMs } = await client.welcome(signal);
  const facts = { gatewayUid: profile.gateway.uid, maxInstances: pool.maxInstances, expiresUnixMs: null };
  const limit = { ...facts, version: highestLimitVersion(pool) + 1, issuedUnixMs };
  await client.request({ kind: 'offer-limit', sealed: seal(limitSeal, limit, signers) }, 'done', signal);
}

function report(
  terminal: Terminal,
  { json }: RotateOptions,
  { path, keyId, held }: { readonly path: string; readonly keyId: string; readonly held: Held },
): void {
  if (json === true) terminal.printJson({ profile: path, key: keyId, ...reportHeld(held) });
  else {
    terminal.print(path);
    terminal.note(`The new key is ${keyId} (${formatHeld(held)}); the limit was signed anew.`);
    terminal.note('Grants that only the old key signed count no more: issue them again with the new profile.');
  }
  refuseMissing(terminal, held);
}
