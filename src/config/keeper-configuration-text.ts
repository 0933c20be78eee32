import { Secret } from '../base/secret.ts';
import type { GatewayConfig } from './gateway-config.ts';
import { ConfigError } from './mistakes.ts';
import { readConfigFile } from './secret-file.ts';

/** The variables that Keeper's own programs read: the configuration in base64, and the name of a file with it. */
const VARIABLES = { text: 'KSM_CONFIG', file: 'KSM_CONFIG_FILE' } as const;

/**
 * The configuration of the Keeper application: from the gateway configuration, else from the environment, else from the file that the environment names.
 * Throws `bad-config` where there is none, or a file that others may read.
 */
export function keeperConfigurationText(
  vault: Pick<GatewayConfig['vault'], 'configuration'>,
  env: Readonly<Record<string, string | undefined>>,
): { readonly text: Secret<string>; readonly where: string } {
  if (vault.configuration !== null) return { text: vault.configuration, where: 'vault.configuration' };
  const given = env[VARIABLES.text];
  if (given !== undefined && given !== '') return { text: new Secret(given), where: VARIABLES.text };
  const path = env[VARIABLES.file];
  if (path !== undefined && path !== '') {
    const missing = 'Name the file that "ksm profile export" wrote.';
    return {
      text: new Secret(readConfigFile({ path, what: 'Keeper configuration', missing, secret: true })),
      where: path,
    };
  }
  const problem = 'the vault is "keeper", but nothing says how it is reached';
  const remedy = `Set ${VARIABLES.text} to the base64 configuration of the Keeper application, ${VARIABLES.file} to a file with it, or write it to vault.configuration of the gateway configuration.`;
  throw new ConfigError([{ where: 'vault.configuration', problem, remedy }]);
}
