import { resolve } from 'node:path';
import type { Command } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import type { Grant } from '../../../wire/grant.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { requireFlag } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { printable } from '../../frame/text.ts';
import { addProfileOptions, type Connected, openProfile, type ProfileOptions, withClient } from '../connection.ts';
import { formatHeld, publishPolicy, refuseMissing, reportHeld } from '../policy/publish-policy.ts';
import { loadProposal, type Proposal } from './proposal.ts';

interface PublishOptions extends ProfileOptions {
  readonly out?: string;
}

/** `pam admin publish`: hands a proposal that enough admins have signed to the pool; a grant is written for its user. */
export function publishCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'publish',
    summary: 'hand a signed proposal to the pool; a grant: write it for its user',
    examples: ['pam admin publish limit.proposal', 'pam admin publish alice.proposal --out alice.grant'],
  });
  return addProfileOptions(command)
    .argument('<file>', 'what pam admin propose wrote and the admins have signed')
    .option('--out <FILE>', 'for a grant: the file for its user')
    .action((file: string, options: PublishOptions) => publish(terminal, resolve(file), options));
}

async function publish(terminal: Terminal, path: string, options: PublishOptions): Promise<void> {
  const proposal = await loadProposal(path);
  const { proposed } = proposal;
  if (proposed.kind === 'grant') return writeGrant(terminal, options, { grant: proposed.content, proposal });
  await withClient(terminal, options, async (connected) => {
    refuseOtherGateway(connected.profile, proposal);
    if (proposed.kind === 'limit') return offerLimit(terminal, options, { connected, proposal });
    const { sealed } = proposal;
    const { version, adminKeys } = proposed.content;
    if (!adminKeys.includes(connected.profile.keyId)) return offerLast(terminal, options, { connected, proposal });
    const held = await publishPolicy(connected.client, { sealed, version }, terminal.signal);
    if (options.json === true) terminal.printJson({ kind: 'policy', ...reportHeld(held) });
    else terminal.print(`${printable(connected.profile.gateway.name)}: ${formatHeld(held)}`);
    refuseMissing(terminal, held);
  });
}

/** A policy by which the publisher is no admin any more: the pool does not answer it afterwards. */
async function offerLast(
  terminal: Terminal,
  options: PublishOptions,
  { connected, proposal }: { readonly connected: Connected; readonly proposal: Proposal },
): Promise<void> {
  const { sealed, proposed } = proposal;
  await connected.client.request({ kind: 'offer-policy', sealed }, 'done', terminal.signal);
  const { version } = proposed.content as { readonly version: number };
  if (options.json === true) return terminal.printJson({ kind: 'policy', version });
  terminal.print(`policy version ${version} is in force; the key of this profile is no admin's any more`);
}

async function offerLimit(
  terminal: Terminal,
  options: PublishOptions,
  { connected, proposal }: { readonly connected: Connected; readonly proposal: Proposal },
): Promise<void> {
  const { sealed, proposed } = proposal;
  await connected.client.request({ kind: 'offer-limit', sealed }, 'done', terminal.signal);
  const { version } = proposed.content as { readonly version: number };
  if (options.json === true) return terminal.printJson({ kind: 'limit', version });
  terminal.print(`${printable(connected.profile.gateway.name)}: limit version ${version} is in force`);
}

async function writeGrant(
  terminal: Terminal,
  options: PublishOptions,
  { grant, proposal }: { readonly grant: Grant; readonly proposal: Proposal },
): Promise<void> {
  const path = resolve(requireFlag(options.out, '--out', 'pam admin publish alice.proposal --out alice.grant'));
  const profile = await openProfile(terminal, options);
  refuseOtherGateway(profile, proposal);
  const admins = proposal.signers.filter((signer) => profile.adminKeys.some((key) => key === signer)).length;
  if (admins < profile.threshold) {
    throw new GatewayError('not-allowed', `the grant has ${admins} of the ${profile.threshold} signatures it needs`, {
      remedy: 'Let further admins sign it: pam admin sign FILE',
    });
  }
  const { profilePath, rememberGrant, saveKeylessProfile } = await import('../../../config/index.ts');
  const { name, userKey: keyId } = grant;
  saveKeylessProfile(path, { ...profile, keyId, role: 'user', name, grant: proposal.sealed });
  rememberGrant(profilePath({ flag: options.profile, env: terminal.env }), grant, proposal.sealed);
  if (options.json === true) return terminal.printJson({ kind: 'grant', grantId: grant.grantId, profile: path });
  terminal.print(path);
  terminal.note(`Next, as that user: pam login --grant ${path}`);
}

function refuseOtherGateway({ gateway }: Connected['profile'], proposal: Proposal): void {
  if (gateway.uid === proposal.gateway.uid) return;
  throw new GatewayError(
    'bad-usage',
    `the proposal is for the gateway "${proposal.gateway.name}" (${proposal.gateway.uid})`,
  );
}
