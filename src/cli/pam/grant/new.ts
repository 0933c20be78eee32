import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { formatRandomId, type PeerKeyId, parseKeyId, RANDOM_ID_BYTES } from '../../../base/ids.ts';
import { formatUnixMs } from '../../../base/stamp.ts';
import { NAME_LENGTH_MAX } from '../../../wire/bounds.ts';
import type { Grant } from '../../../wire/grant.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { collect, parseDuration, parseText, requireFlag } from '../../frame/flags.ts';
import { askPassphrase } from '../../frame/passphrase.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, adminKeysOf, openProfile, type ProfileOptions, signWithOption } from '../connection.ts';
import { addConditionOptions, type ConditionOptions, parseConditions } from './conditions.ts';
import { conditionTexts } from './grant-report.ts';
import { formatPermission, parsePermissions } from './permissions.ts';

/** What a grant is made from. */
export interface GrantOptions extends ConditionOptions {
  readonly name?: string;
  readonly forKey?: string;
  readonly allow: readonly string[];
  readonly expires: string;
}

interface NewGrantOptions extends GrantOptions, ProfileOptions {
  readonly out?: string;
  readonly passphrase?: boolean;
  readonly signWith: readonly string[];
}

const EXAMPLE = 'pam grant new --name alice --out alice.json --allow tunnel:web-1 --expires 8h';
const NEVER = 'never';
const SEED_BYTES = 32;

/** `pam grant new`: what a user may do, signed by the admin, for a key of the user's own or with a new one. */
export function newGrantCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'new',
    summary: 'say what a user may do, signed by the admin',
    examples: [
      EXAMPLE,
      'pam grant new --name bob --for-key 12D3KooW… --out bob.grant --allow connection:label:env=test --hours "Mon-Fri 08:00-18:00 Europe/Berlin"',
    ],
  });
  return addGrantOptions(addProfileOptions(command))
    .option('--out <FILE>', 'profile to write; never overwritten')
    .option('--passphrase', 'protect the new key by a passphrase')
    .addOption(signWithOption())
    .action((options: NewGrantOptions) => newGrant(terminal, options));
}

/** Adds the flags that say what a grant allows. */
export function addGrantOptions(command: Command): Command {
  return addConditionOptions(
    command
      .option('--name <WHO>', 'who it is for')
      .option('--for-key <PUBLIC>', "the user's own key, as pam login shows it; without it a key is made")
      .option('--allow <KIND:RECORD>', 'what is allowed, * for any (repeatable; default: every job)', collect, [])
      .option('--expires <DURATION>', 'from now, or never', '8h'),
  );
}

/** The grant that the flags describe. Throws `bad-usage`. */
export function describeGrant(options: GrantOptions): Omit<Grant, 'gatewayUid' | 'userKey'> {
  const name = parseText(requireFlag(options.name, '--name', EXAMPLE), { flag: '--name', max: NAME_LENGTH_MAX });
  const issuedUnixMs = Date.now();
  const expiresUnixMs = options.expires === NEVER ? null : issuedUnixMs + parseDuration(options.expires, '--expires');
  return {
    grantId: formatRandomId(randomBytes(RANDOM_ID_BYTES)),
    name,
    allow: parsePermissions(options.allow),
    issuedUnixMs,
    expiresUnixMs,
    conditions: parseConditions(options, { issuedUnixMs, expiresUnixMs }),
  };
}

/** The key that `--for-key` names. Throws `bad-usage`. */
export function parseUserKey(text: string, flag: string): PeerKeyId {
  const id = parseKeyId(text);
  if (id !== undefined) return id;
  throw new GatewayError('bad-usage', `${flag}: "${text.slice(0, 60)}" is no public key`, {
    remedy: 'Take what "pam login" shows on the user\'s machine: 52 characters that begin with 12D3KooW.',
  });
}

async function newGrant(terminal: Terminal, options: NewGrantOptions): Promise<void> {
  // What is wrong with the command line is said before a profile is opened.
  const described = describeGrant(options);
  const path = resolve(requireFlag(options.out, '--out', EXAMPLE));
  const forKey = options.forKey === undefined ? undefined : parseUserKey(options.forKey, '--for-key');
  const admin = await openProfile(terminal, options);
  const signers = await adminKeysOf(terminal, admin, options.signWith);
  const [{ keyPairFromSeed }, { Secret }, config, { grantSeal }, { sealWith }] = await Promise.all([
    import('../../../base/ed25519.ts'),
    import('../../../base/secret.ts'),
    import('../../../config/index.ts'),
    import('../../../wire/grant.ts'),
    import('../../../config/client.ts'),
  ]);
  const seed = new Secret(new Uint8Array(randomBytes(SEED_BYTES)));
  const keyId = forKey ?? keyPairFromSeed(seed.reveal()).id;
  const grant = { ...described, gatewayUid: admin.gateway.uid, userKey: keyId };
  const sealed = await sealWith(grantSeal, grant, signers);
  const user = { ...admin, keyId, role: 'user', name: grant.name, grant: sealed } as const;
  if (forKey !== undefined) config.saveKeylessProfile(path, user);
  else {
    const what = `the key of ${grant.name}`;
    const passphrase = options.passphrase === true ? await askPassphrase(terminal, { what, twice: true }) : undefined;
    config.saveProfile(path, { ...user, key: seed }, { passphrase });
  }
  config.rememberGrant(config.profilePath({ flag: options.profile, env: terminal.env }), grant, sealed);
  report(terminal, { grant, path, hasKey: forKey === undefined, json: options.json === true });
}

interface Written {
  readonly grant: Grant;
  readonly path: string;
  readonly hasKey: boolean;
  readonly json: boolean;
}

function report(terminal: Terminal, { grant, path, hasKey, json }: Written): void {
  const { grantId, name, userKey, expiresUnixMs } = grant;
  const allow = grant.allow.map(formatPermission);
  const conditions = conditionTexts(grant);
  const expiresAt = expiresUnixMs === null ? null : formatUnixMs(expiresUnixMs);
  if (json) return terminal.printJson({ grantId, name, userKey, profile: path, allow, conditions, expiresAt });
  terminal.print(path);
  const until = expiresAt === null ? ', for ever' : ` until ${expiresAt}`;
  terminal.note(`${name} may ${[allow.join(', '), ...conditions].join('; ')}${until} (grant ${grantId}).`);
  if (hasKey) {
    terminal.note("The file holds the user's key.");
    terminal.note(`Next, as that user: pam tunnel start RECORD --profile ${path}`);
  } else terminal.note(`It holds no key. Next, as that user: pam login --grant ${path}`);
}
