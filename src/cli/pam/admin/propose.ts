import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { defineCommand, defineGroup } from '../../frame/command-tree.ts';
import { collect, parseDuration, parseNumber, requireFlag } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import {
  addProfileOptions,
  adminKeysOf,
  type Connected,
  openProfile,
  type ProfileOptions,
  withClient,
} from '../connection.ts';
import { findAnyInstance } from '../gateway/evict.ts';
import { parseMaxInstances } from '../gateway/max-instances.ts';
import { addGrantOptions, describeGrant, type GrantOptions, parseUserKey } from '../grant/new.ts';
import { revocationOf } from '../grant/revoke.ts';
import type { PolicyChange } from '../policy/next-policy.ts';
import { draftPolicy } from '../policy/publish-policy.ts';
import { highestLimitVersion, readPool } from '../pool-view.ts';
import { describeProposal, makeProposal, type Proposed, saveProposal } from './proposal.ts';

interface ProposeOptions extends ProfileOptions {
  readonly out?: string;
}

const SIGNATURES_MAX = 16;

/** `pam admin propose`: something that several admins have to sign, as a file that goes round. */
export function proposeGroup(terminal: Terminal): Command {
  return defineGroup(
    {
      name: 'propose',
      summary: 'write a file for other admins to sign',
      examples: [
        'pam admin propose limit -m 5 --out limit.proposal',
        'pam admin propose revoke alice --out a.proposal',
      ],
    },
    [
      limitCommand(terminal),
      revokeCommand(terminal),
      evictCommand(terminal),
      adminsCommand(terminal),
      grantCommand(terminal),
    ],
  );
}

function define(name: string, summary: string, example: string): Command {
  return addProfileOptions(defineCommand({ name, summary, examples: [example] })).addOption(
    new Option('--out <FILE>', 'proposal to write; never overwritten'),
  );
}

function limitCommand(terminal: Terminal): Command {
  const example = 'pam admin propose limit -m 5 --out limit.proposal';
  return define('limit', 'a new limit', example)
    .option('-m, --max-instances <N>', 'how many instances may run')
    .option('--within <DURATION>', 'how long it may go round to be signed, at most 7d', '1d')
    .action(async (options: ProposeOptions & { readonly maxInstances?: string; readonly within: string }) => {
      const maxInstances = parseMaxInstances(requireFlag(options.maxInstances, '--max-instances', example));
      const offerMs = parseDuration(options.within, '--within');
      const { LIMIT_OFFER_MS_MAX } = await import('../../../wire/limit.ts');
      if (offerMs > LIMIT_OFFER_MS_MAX)
        throw new GatewayError('bad-usage', `--within: "${options.within}" is more than 7d`);
      await propose(terminal, options, async ({ client, profile }) => {
        const version = highestLimitVersion(await readPool(client, terminal.signal)) + 1;
        const { unixMs: issuedUnixMs } = await client.welcome(terminal.signal);
        const { uid: gatewayUid } = profile.gateway;
        return {
          kind: 'limit',
          content: { gatewayUid, maxInstances, version, issuedUnixMs, expiresUnixMs: null, offerMs },
        };
      });
    });
}

function revokeCommand(terminal: Terminal): Command {
  return define('revoke', 'the end of a grant', 'pam admin propose revoke alice --out alice.proposal')
    .argument('<grant>', "id of the grant, its user's name, or the key of a user")
    .action((named: string, options: ProposeOptions) =>
      proposePolicy(terminal, options, async (connected) => ({
        revoke: [await revocationOf(terminal, named, options, connected)],
      })),
    );
}

function evictCommand(terminal: Terminal): Command {
  return define('evict', 'the end of an instance', 'pam admin propose evict gateway-2 --out evict.proposal')
    .argument('<instance>', 'id, end of the id, or name of the instance')
    .action((named: string, options: ProposeOptions) =>
      proposePolicy(terminal, options, async ({ client }) => {
        const { instanceId } = findAnyInstance(await readPool(client, terminal.signal), named);
        return { evict: [{ instanceId, evictedUnixMs: (await client.welcome(terminal.signal)).unixMs }] };
      }),
    );
}

function adminsCommand(terminal: Terminal): Command {
  const example = 'pam admin propose admins --admin 12D3KooWa… --admin 12D3KooWb… --threshold 2 --out admins.proposal';
  return define('admins', 'who the admins are from now on, all of them', example)
    .option('--admin <PUBLIC>', 'key of an admin (repeatable)', collect, [])
    .option('--threshold <K>', 'how many of them have to sign')
    .action((options: ProposeOptions & { readonly admin: readonly string[]; readonly threshold?: string }) => {
      const adminKeys = [...new Set(options.admin.map((text) => parseUserKey(text, '--admin')))];
      if (adminKeys.length === 0)
        throw new GatewayError('bad-usage', '--admin is missing', { remedy: `Type for example: ${example}` });
      const max = Math.min(adminKeys.length, SIGNATURES_MAX);
      const threshold = parseNumber(requireFlag(options.threshold, '--threshold', example), {
        flag: '--threshold',
        min: 1,
        max,
      });
      return proposePolicy(terminal, options, async () => ({ authority: { adminKeys, threshold } }));
    });
}

function grantCommand(terminal: Terminal): Command {
  const example = 'pam admin propose grant --name alice --for-key 12D3KooW… --allow tunnel:web-1 --out alice.proposal';
  return addGrantOptions(define('grant', 'a grant for a user who has made a key', example)).action(
    async (options: ProposeOptions & GrantOptions) => {
      const userKey = parseUserKey(requireFlag(options.forKey, '--for-key', example), '--for-key');
      const described = describeGrant(options);
      const path = outOf(options);
      const profile = await openProfile(terminal, options);
      const content = { ...described, gatewayUid: profile.gateway.uid, userKey };
      await write(terminal, options, { path, profile, proposed: { kind: 'grant', content } });
    },
  );
}

function proposePolicy(
  terminal: Terminal,
  options: ProposeOptions,
  changeOf: (connected: Connected) => Promise<PolicyChange>,
): Promise<void> {
  return propose(terminal, options, async (connected) => ({
    kind: 'policy',
    content: await draftPolicy(connected, await changeOf(connected), terminal.signal),
  }));
}

function propose(
  terminal: Terminal,
  options: ProposeOptions,
  content: (connected: Connected) => Promise<Proposed>,
): Promise<void> {
  const path = outOf(options);
  return withClient(terminal, options, async (connected) =>
    write(terminal, options, { path, profile: connected.profile, proposed: await content(connected) }),
  );
}

function outOf({ out }: ProposeOptions): string {
  return resolve(requireFlag(out, '--out', 'pam admin propose limit -m 5 --out limit.proposal'));
}

interface Written {
  readonly path: string;
  readonly profile: Connected['profile'];
  readonly proposed: Proposed;
}

async function write(terminal: Terminal, options: ProposeOptions, { path, profile, proposed }: Written): Promise<void> {
  const proposal = await makeProposal(profile.gateway, proposed, await adminKeysOf(terminal, profile, []));
  await saveProposal(path, proposal, { replace: false });
  if (options.json === true)
    return terminal.printJson({ proposal: path, kind: proposed.kind, signed_by: proposal.signers });
  for (const line of describeProposal(proposal)) terminal.note(line);
  terminal.print(path);
  terminal.note(`Next, each further admin on a machine of their own: pam admin sign ${path}`);
  terminal.note(`Then: pam admin publish ${path}`);
}
