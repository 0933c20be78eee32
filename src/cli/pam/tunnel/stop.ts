import type { Command } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { defineCommand, jsonOption } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import type { TunnelReport } from './registry.ts';

interface StopOptions {
  readonly all?: boolean;
  readonly json?: boolean;
}

/** `pam tunnel stop [TUNNEL|RECORD]`: from any terminal of the same user. */
export function stopTunnelCommand(terminal: Terminal): Command {
  return defineCommand({
    name: 'stop',
    summary: 'stop one of your tunnels, or all; open connections are reset',
    examples: ['pam tunnel stop web-1', 'pam tunnel stop --all'],
  })
    .argument('[tunnel]', "the tunnel's id, local port or record (id or title)")
    .option('--all', 'every tunnel that matches, or every one')
    .addOption(jsonOption())
    .action((named: string | undefined, options: StopOptions) => stopTunnels(terminal, named, options));
}

async function stopTunnels(terminal: Terminal, named: string | undefined, { all, json }: StopOptions): Promise<void> {
  if (named === undefined && all !== true) {
    throw new GatewayError('bad-usage', 'which tunnel?', {
      remedy: 'Name its id or record, or stop all of them with --all.',
    });
  }
  const { listTunnels, stopTunnel } = await import('./registry.ts');
  const running = await listTunnels(terminal.signal);
  const chosen = named === undefined ? running : chooseTunnels(running, named, all === true);
  const stopped: string[] = [];
  for (const { tunnelId } of chosen) if (await stopTunnel(tunnelId, terminal.signal)) stopped.push(tunnelId);
  if (json === true) return terminal.printJson({ stopped });
  terminal.print(
    stopped.length === 0 ? 'No Tunnels running' : stopped.map((tunnelId) => `Stopped tunnel: ${tunnelId}`).join('\n'),
  );
}

/** The tunnels meant: one, unless all that match were asked for. */
export function chooseTunnels(running: readonly TunnelReport[], named: string, all: boolean): readonly TunnelReport[] {
  const found = running.filter(({ tunnelId, jobId, record, title, listening }) =>
    [tunnelId, jobId, record, title, listening, listening.split(':').at(-1)].includes(named),
  );
  if (found.length === 1 || (all && found.length > 1)) return found;
  const candidates = (found.length > 1 ? found : running).map(
    ({ tunnelId, title, listening }) => `  ${tunnelId}  ${listening}  ${title}`,
  );
  if (found.length > 1) {
    throw new GatewayError('bad-usage', `${found.length} tunnels match "${named}"`, {
      remedy: `Name one by its id, or stop all of them with --all:\n${candidates.join('\n')}`,
    });
  }
  throw new GatewayError('not-found', `no tunnel "${named}" runs`, {
    remedy:
      candidates.length === 0 ? 'No tunnel of yours runs on this machine.' : `Running are:\n${candidates.join('\n')}`,
  });
}
