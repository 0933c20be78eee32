/** The command tree of `pam`: what admins and users type, on any machine that reaches one instance. */
import type { Command } from 'commander';
import { defineProgram } from '../frame/command-tree.ts';
import { completionCommand } from '../frame/completion-command.ts';
import type { Terminal } from '../frame/terminal.ts';
import { actionGroup } from './action/index.ts';
import { adminGroup } from './admin/index.ts';
import { auditGroup } from './audit/index.ts';
import { copyCommand } from './copy/index.ts';
import { gatewayGroup } from './gateway/index.ts';
import { grantGroup } from './grant/index.ts';
import { launchCommand } from './launch/index.ts';
import { loginCommand } from './login.ts';
import { proxyCommand } from './proxy.ts';
import { recordGroup } from './record/index.ts';
import { recordingGroup } from './recording/index.ts';
import { rotationGroup } from './rotation/index.ts';
import { sessionGroup } from './session/index.ts';
import { tunnelGroup } from './tunnel/index.ts';

/** The tree; its commands load what they need when they run. */
export async function assemblePam(terminal: Terminal): Promise<Command> {
  return defineProgram(
    {
      name: 'pam',
      summary: 'reach machines and databases through a gateway pool, and administer it',
      examples: ['pam gateway new -n prod-eu -m 3 -o ./prod-eu', 'pam tunnel start web-1'],
    },
    [
      gatewayGroup(terminal),
      recordGroup(terminal),
      grantGroup(terminal),
      loginCommand(terminal),
      adminGroup(terminal),
      tunnelGroup(terminal),
      launchCommand(terminal),
      proxyCommand(terminal),
      copyCommand(terminal),
      sessionGroup(terminal),
      recordingGroup(terminal),
      actionGroup(terminal),
      auditGroup(terminal),
      rotationGroup(terminal),
      completionCommand('pam', terminal),
    ],
    terminal,
  );
}
