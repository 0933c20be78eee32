import { finished } from 'node:stream/promises';
import type { Command } from 'commander';
import { GatewayError } from '../../base/errors.ts';
import { defineCommand } from '../frame/command-tree.ts';
import { ExitWith } from '../frame/run-program.ts';
import type { Terminal } from '../frame/terminal.ts';
import { addProfileOptions, type ProfileOptions, withClient } from './connection.ts';
import { findRecord } from './find-record.ts';
import { reasonParameter } from './session/reason.ts';

/** As ssh says that the connection broke. */
const EXIT_LOST = 255;

/** `pam proxy RECORD`: for `ssh -o ProxyCommand`: people's own ssh, scp, rsync and Ansible, without their own credential. */
export function proxyCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'proxy',
    summary: 'carry SSH between standard input and output and a record, as ProxyCommand of your own ssh',
    examples: [
      "ssh -o ProxyCommand='pam proxy %h' web-1",
      'rsync -e "ssh -o ProxyCommand=\'pam proxy %h\'" -a etc/ web-1:etc/',
    ],
  });
  return addProfileOptions(command)
    .argument('<record>', 'id or unique title')
    .option('--reason <TEXT>', 'why, or a ticket number: stands in the recording')
    .action(async (named: string, options: ProfileOptions & { readonly reason?: string }) => {
      const parameters = [{ name: 'mode', value: 'ssh' }, ...reasonParameter(options.reason)];
      await withClient(terminal, options, async ({ client }) => {
        const { placeSession } = await import('../../access/client/index.ts');
        const { recordId, title, protocol } = await findRecord(client, named, terminal.signal);
        if (protocol !== 'ssh') throw notSsh(title, protocol);
        const placed = await placeSession(client, { kind: 'connection', recordId, parameters }, terminal.signal);
        const duplex = client.duplex(placed.stream);
        terminal.signal.addEventListener('abort', () => duplex.destroy(), { once: true });
        process.stdin.pipe(duplex);
        duplex.pipe(process.stdout);
        try {
          await finished(duplex, { writable: false });
        } catch {
          terminal.note('The session was lost: its worker is gone. Begin a new one with the same command.');
          throw new ExitWith(EXIT_LOST);
        }
      });
    });
}

function notSsh(title: string, protocol: string): GatewayError {
  return new GatewayError('bad-usage', `record "${title}" has the protocol ${protocol}; pam proxy carries ssh`);
}
