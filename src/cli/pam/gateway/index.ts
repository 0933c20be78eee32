/** `pam gateway`: making a gateway and administering its pool. */
import type { Command } from 'commander';
import { defineGroup } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { drainGatewayCommand } from './drain.ts';
import { evictGatewayCommand } from './evict.ts';
import { listGatewaysCommand } from './list.ts';
import { newGatewayCommand } from './new.ts';
import { rekeyGatewayCommand } from './rekey.ts';
import { setMaxInstancesCommand } from './set-max-instances.ts';

/** The group and its commands. */
export function gatewayGroup(terminal: Terminal): Command {
  return defineGroup(
    {
      name: 'gateway',
      summary: 'make a gateway, see its instances, set how many may run',
      examples: ['pam gateway list'],
    },
    [
      newGatewayCommand(terminal),
      listGatewaysCommand(terminal),
      setMaxInstancesCommand(terminal),
      drainGatewayCommand(terminal),
      evictGatewayCommand(terminal),
      rekeyGatewayCommand(terminal),
    ],
  );
}
