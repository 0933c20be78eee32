import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { formatRandomId, RANDOM_ID_BYTES } from '../../../base/ids.ts';
import { formatUnixMs } from '../../../base/stamp.ts';
import { NAME_LENGTH_MAX } from '../../../wire/bounds.ts';
import { PERMISSIONS_MAX, type Permission } from '../../../wire/grant.ts';
import { JOB_KINDS } from '../../../wire/job.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { collect, parseDuration, parseText, requireFlag } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, adminKeysOf, openProfile, type ProfileOptions, signWithOption } from '../connection.ts';

interface GrantOptions extends ProfileOptions {
  readonly name?: string;
  readonly out?: string;
  readonly allow: readonly string[];
  readonly expires: string;
  readonly signWith: readonly string[];
}

const EXAMPLE = 'pam grant new --name alice --out alice.json --allow tunnel:web-1 --expires 8h';
const EVERYTHING: Permission = { kind: '*', record: '*' };
const NEVER = 'never';
const SEED_BYTES = 32;

/** `pam grant new`: a profile for a user, with a key of its own and what it may do, signed by the admin. */
export function newGrantCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'new',
    summary: 'write a profile that lets a user in, signed by the admin',
    examples: [EXAMPLE],
  });
  return addProfileOptions(command)
    .option('--name <WHO>', 'who it is for')
    .option('--out <FILE>', 'profile to write; never overwritten')
    .option('--allow <KIND:RECORD>', 'what is allowed, * for any (repeatable; default: everything)', collect, [])
    .option('--expires <DURATION>', 'from now, or never', '8h')
    .addOption(signWithOption())
    .action((options: GrantOptions) => newGrant(terminal, options));
}

async function newGrant(terminal: Terminal, options: GrantOptions): Promise<void> {
  const name = parseText(requireFlag(options.name, '--name', EXAMPLE), { flag: '--name', max: NAME_LENGTH_MAX });
  const path = resolve(requireFlag(options.out, '--out', EXAMPLE));
  const allow = options.allow.length === 0 ? [EVERYTHING] : parsePermissions(options.allow);
  const validMs = options.expires === NEVER ? null : parseDuration(options.expires, '--expires');
  const admin = await openProfile(terminal, options);
  const signers = await adminKeysOf(admin, options.signWith);
  const [{ keyPairFromSeed }, { Secret }, { saveProfile }, { grantSeal }, { seal }] = await Promise.all([
    import('../../../base/ed25519.ts'),
    import('../../../base/secret.ts'),
    import('../../../config/index.ts'),
    import('../../../wire/grant.ts'),
    import('../../../wire/sealed.ts'),
  ]);
  const seed = new Secret(new Uint8Array(randomBytes(SEED_BYTES)));
  const { id: userKey } = keyPairFromSeed(seed.reveal());
  const issuedUnixMs = Date.now();
  const expiresUnixMs = validMs === null ? null : issuedUnixMs + validMs;
  const grantId = formatRandomId(randomBytes(RANDOM_ID_BYTES));
  const grant = seal(
    grantSeal,
    { gatewayUid: admin.gateway.uid, grantId, name, userKey, allow, issuedUnixMs, expiresUnixMs },
    signers,
  );
  saveProfile(path, { ...admin, key: seed, keyId: userKey, role: 'user', name, grant });
  const expiresAt = expiresUnixMs === null ? null : formatUnixMs(expiresUnixMs);
  const allowed = allow.map(({ kind, record }) => `${kind}:${record}`);
  if (options.json === true)
    return terminal.printJson({ grantId, name, userKey, profile: path, allow: allowed, expiresAt });
  terminal.print(path);
  terminal.note(
    `${name} may ${allowed.join(', ')}${expiresAt === null ? ', for ever' : ` until ${expiresAt}`}. The file holds the user's key.`,
  );
  terminal.note(`Next, as that user: pam tunnel start RECORD --profile ${path}`);
}

/** `KIND:RECORD`; the record's title may hold colons. */
function parsePermissions(texts: readonly string[]): readonly Permission[] {
  if (texts.length > PERMISSIONS_MAX)
    throw new GatewayError('bad-usage', `--allow: given ${texts.length} times; at most ${PERMISSIONS_MAX}`);
  return texts.map((text) => {
    const at = text.indexOf(':');
    const kind = text.slice(0, Math.max(0, at));
    if (at < 1 || !['*', 'audit', ...JOB_KINDS].includes(kind)) {
      throw new GatewayError('bad-usage', `--allow: "${text}" is not KIND:RECORD`, {
        remedy: `KIND is one of ${JOB_KINDS.join(', ')}, audit or *; RECORD is an id or a title, * stands for any characters.`,
      });
    }
    return { kind, record: parseText(text.slice(at + 1), { flag: '--allow', max: NAME_LENGTH_MAX }) };
  });
}
