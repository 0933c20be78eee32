/** `gateway debug`: what the running instance on this machine knows and thinks, over its local control socket. */
import type { Command } from 'commander';
import { defineGroup } from '../../frame/command-tree.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { admissionCommand } from './admission.ts';
import { bundleCommand } from './bundle.ts';
import { eventsCommand } from './events.ts';
import { jobsCommand } from './jobs.ts';
import { loadCommand } from './load.ts';
import { membersCommand } from './members.ts';
import { policyCommand } from './policy.ts';
import { statusCommand } from './status.ts';
import { topicCommand } from './topic.ts';
import { traceCommand } from './trace.ts';
import { watchCommand } from './watch.ts';

/** The group and its commands, in the order people need them. */
export function debugGroup(terminal: Terminal): Command {
  return defineGroup(
    {
      name: 'debug',
      summary: 'look into the running instance and its pool',
      examples: ['gateway debug members', 'gateway debug watch'],
    },
    [
      statusCommand(terminal),
      membersCommand(terminal),
      admissionCommand(terminal),
      loadCommand(terminal),
      topicCommand(terminal),
      policyCommand(terminal),
      jobsCommand(terminal),
      traceCommand(terminal),
      eventsCommand(terminal),
      watchCommand(terminal),
      bundleCommand(terminal),
    ],
  );
}
