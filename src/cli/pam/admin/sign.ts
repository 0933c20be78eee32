import { resolve } from 'node:path';
import type { Command } from 'commander';
import { defineCommand, jsonOption } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions } from '../connection.ts';
import { describeProposal, loadProposal, saveProposal, signProposal } from './proposal.ts';
import { addKeyOption, type SigningOptions, signerOf } from './signing.ts';

/** `pam admin sign`: adds a signature to a proposal. It needs no instance, so the machine may be without a network. */
export function signCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'sign',
    summary: 'add your signature to a proposal, without a connection',
    examples: ['pam admin show limit.proposal', 'pam admin sign limit.proposal'],
  });
  return addKeyOption(addProfileOptions(command))
    .argument('<file>', 'what pam admin propose wrote')
    .action((file: string, options: SigningOptions) => sign(terminal, resolve(file), options));
}

async function sign(terminal: Terminal, path: string, options: SigningOptions): Promise<void> {
  const proposal = await loadProposal(path);
  const signed = await signProposal(proposal, [await signerOf(terminal, options, proposal)]);
  await saveProposal(path, signed, { replace: true });
  if (options.json === true)
    return terminal.printJson({ proposal: path, kind: signed.proposed.kind, signed_by: signed.signers });
  for (const line of describeProposal(signed)) terminal.print(line);
}

/** `pam admin show`: what a proposal says, and who has signed it. */
export function showCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'show',
    summary: 'show what a proposal says and who has signed it',
    examples: ['pam admin show limit.proposal'],
  });
  return command
    .argument('<file>', 'what pam admin propose wrote')
    .addOption(jsonOption())
    .action(async (file: string, options: { readonly json?: boolean }) => {
      const proposal = await loadProposal(resolve(file));
      const { proposed, signers } = proposal;
      if (options.json === true) return terminal.printJson({ ...proposed, signed_by: signers });
      for (const line of describeProposal(proposal)) terminal.print(line);
    });
}
