import type { Command } from 'commander';
import { ExitCode, GatewayError } from '../../base/errors.ts';
import { defineCommand, jsonOption } from '../frame/command-tree.ts';
import { ExitWith } from '../frame/run-program.ts';
import type { Terminal } from '../frame/terminal.ts';
import { printable } from '../frame/text.ts';
import { chooseDataDir, dataDirOption } from './data-dir.ts';

interface HealthOptions {
  readonly json?: boolean;
  readonly dataDir?: string;
}

/** `gateway health-check`: exit code 0 exactly when the instance is admitted and serving. */
export function healthCheckCommand(terminal: Terminal): Command {
  return defineCommand({
    name: 'health-check',
    summary: 'exit 0 when the instance on this machine is admitted and serving',
    examples: ['gateway health-check', 'gateway health-check --json'],
  })
    .addOption(jsonOption())
    .addOption(dataDirOption())
    .action((options: HealthOptions) => checkHealth(terminal, options));
}

async function checkHealth(terminal: Terminal, { json, dataDir }: HealthOptions): Promise<void> {
  const { askControl } = await import('../../api/client.ts');
  const directory = await chooseDataDir(dataDir, terminal.env);
  try {
    const health = await askControl(directory, { kind: 'health' }, terminal.signal);
    if (json === true) terminal.printJson(health);
    else
      terminal.print(
        `${health.healthy ? 'healthy' : 'unhealthy'}: ${printable(health.name)} ${printable(health.reason)}`,
      );
    if (!health.healthy) throw new ExitWith(ExitCode.failed);
  } catch (error) {
    // A monitor that reads JSON gets a document also when nobody is there to write one.
    if (json === true && error instanceof GatewayError) {
      terminal.printJson({ healthy: false, state: null, reason: error.message, error: error.code });
    }
    throw error;
  }
}
