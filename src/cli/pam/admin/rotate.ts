import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { KeyDocument, Signer } from '../../../config/index.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { requireFlag } from '../../frame/flags.ts';
import { askPassphrase } from '../../frame/passphrase.ts';
import type { Terminal } from '../../frame/terminal.ts';
import {
  addProfileOptions,
  adminKeysOf,
  type Connected,
  type ProfileOptions,
  signerFor,
  signWithOption,
  useClient,
  withClient,
} from '../connection.ts';
import { agentKeyOf, agentOption } from '../login.ts';
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
  readonly agent?: string | true;
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
    examples: [EXAMPLE, 'pam admin rotate --agent --out admin-profile-2.json'],
  });
  return addProfileOptions(command)
    .option('--out <FILE>', 'profile with the new key; never overwritten')
    .option('--passphrase', 'protect the new key by a passphrase')
    .addOption(agentOption())
    .addOption(signWithOption())
    .action((options: RotateOptions) => rotate(terminal, options));
}

async function rotate(terminal: Terminal, options: RotateOptions): Promise<void> {
  const path = resolve(requireFlag(options.out, '--out', EXAMPLE));
  const inAgent = options.agent === undefined ? undefined : (await agentKeyOf(terminal, options.agent)).id;
  await withClient(terminal, options, async (connected) => {
    const { client, profile } = connected;
    const signers = await adminKeysOf(terminal, profile, options.signWith);
    const { key, signer: added } =
      inAgent === undefined
        ? await newKey(terminal, options.passphrase === true)
        : { key: { inAgent }, signer: await signerFor(terminal, { inAgent }, path) };
    const { keysOf, readPolicy } = await import('../policy/next-policy.ts');
    const { adminKeys, threshold } = (await readPolicy(client, profile, terminal.signal)).authority;
    const replaced = keysOf(adminKeys).map((key) => (key === profile.keyId ? added.id : key));
    const authority = { adminKeys: replaced, threshold };
    // Before anything is signed: the pool must never name a key that nobody has.
    const { saveClosedProfile } = await import('../../../config/index.ts');
    saveClosedProfile(path, { ...profile, ...authority, key, keyId: added.id });
    const version = await publishRotation(terminal, connected, { authority, signers: [...signers, added] });
    const remaining = signers.filter(({ id }) => id !== profile.keyId);
    const renewed = { ...profile, signer: added, keyId: added.id };
    // The old key is let in no more: the new one connects anew.
    const held = await useClient(terminal, renewed, async (renewedClient) => {
      await signLimitAnew(terminal, { client: renewedClient, profile: renewed }, [added, ...remaining]);
      return waitUntilPolicyHeld(renewedClient, version, terminal.signal);
    });
    report(terminal, options, { path, keyId: added.id, held });
  });
}

async function newKey(
  terminal: Terminal,
  wantsPassphrase: boolean,
): Promise<{ readonly key: KeyDocument; readonly signer: Signer }> {
  const [{ Secret }, { protect }, { keyPairFromSeed }] = await Promise.all([
    import('../../../base/secret.ts'),
    import('../../../config/index.ts'),
    import('../../../base/ed25519.ts'),
  ]);
  const seed = new Secret(new Uint8Array(randomBytes(SEED_BYTES)));
  const what = 'your new admin key';
  const asked = wantsPassphrase ? await askPassphrase(terminal, { what, twice: true }) : undefined;
  return { key: protect(seed, asked), signer: keyPairFromSeed(seed.reveal()) };
}

/** Hands in the policy that changes the admins; its version. */
async function publishRotation(
  { signal }: Terminal,
  connected: Connected,
  { authority, signers }: { readonly authority: Authority; readonly signers: readonly Signer[] },
): Promise<number> {
  const [{ policySeal }, { sealWith }] = await Promise.all([
    import('../../../wire/policy.ts'),
    import('../../../config/client.ts'),
  ]);
  const policy = await draftPolicy(connected, { authority }, signal);
  const sealed = await sealWith(policySeal, policy, signers);
  await connected.client.request({ kind: 'offer-policy', sealed }, 'done', signal);
  return policy.version;
}

/** The limit in force by the new admins, so that the old ones' word counts for nothing any more. */
async function signLimitAnew(
  { signal }: Terminal,
  { client, profile }: Connected,
  signers: readonly Signer[],
): Promise<void> {
  const [{ limitSeal }, { sealWith }] = await Promise.all([
    import('../../../wire/limit.ts'),
    import('../../../config/client.ts'),
  ]);
  const pool = await readPool(client, signal);
  const { unixMs: issuedUnixMs } = await client.welcome(signal);
  const facts = { gatewayUid: profile.gateway.uid, maxInstances: pool.maxInstances, expiresUnixMs: null };
  const limit = { ...facts, version: highestLimitVersion(pool) + 1, issuedUnixMs };
  await client.request({ kind: 'offer-limit', sealed: await sealWith(limitSeal, limit, signers) }, 'done', signal);
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
