import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { formatUnixMs } from '../../../base/stamp.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { parseDuration, requireFlag } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, adminKeysOf, openProfile, type ProfileOptions, signWithOption } from '../connection.ts';

interface RekeyOptions extends ProfileOptions {
  readonly configFile?: string;
  readonly output?: string;
  readonly window: string;
  readonly signWith: readonly string[];
}

const EXAMPLE = 'pam gateway rekey --config-file gateway-config.json -o gateway-config-2.json --window 24h';
/** Long enough to restart a pool by hand; whoever has stolen the former secret has as long. */
const WINDOW_MS_MAX = 14 * 24 * 3_600_000;

/** `pam gateway rekey`: another pool secret. It needs no instance: the new configuration is carried to each by hand, as the first one was. */
export function rekeyGatewayCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'rekey',
    summary: 'replace the pool secret: a new configuration, for every instance; both secrets count for a while',
    examples: [EXAMPLE],
  });
  return addProfileOptions(command)
    .option('--config-file <FILE>', 'gateway configuration in use')
    .option('-o, --output <FILE>', 'configuration to write; never overwritten')
    .addOption(
      new Option('--window <DURATION>', 'how long the former secret counts beside the new one, at most 14d').default(
        '24h',
      ),
    )
    .addOption(signWithOption())
    .action((options: RekeyOptions) => rekey(terminal, options));
}

async function rekey(terminal: Terminal, options: RekeyOptions): Promise<void> {
  const where = resolve(requireFlag(options.configFile, '--config-file', EXAMPLE));
  const path = resolve(requireFlag(options.output, '--output', EXAMPLE));
  const windowMs = parseDuration(options.window, '--window');
  if (windowMs > WINDOW_MS_MAX) throw new GatewayError('bad-usage', `--window: "${options.window}" is more than 14d`);
  const text = readConfiguration(where);
  const { loadGatewayConfig, rekeyGateway, savePrivateFile } = await import('../../../config/index.ts');
  const { uid, name } = loadGatewayConfig({ kind: 'file', path: where });
  const profile = await openProfile(terminal, options);
  if (profile.gateway.uid !== uid) {
    throw new GatewayError('bad-usage', `${where} is of the gateway "${name}" (${uid}), the profile of another one`, {
      remedy: 'Choose the admin profile of that gateway with --profile FILE.',
    });
  }
  const signers = await adminKeysOf(terminal, profile, options.signWith);
  if (signers.length < profile.threshold) {
    throw new GatewayError('bad-usage', `${profile.threshold} admins have to sign; there is ${signers.length}`, {
      remedy: 'Name the profiles of the others with --sign-with FILE.',
    });
  }
  const { configuration, succession } = await rekeyGateway({ text, where, windowMs, signers, unixMs: Date.now() });
  savePrivateFile(path, configuration.reveal(), { replace: false });
  const until = formatUnixMs(succession.untilUnixMs);
  if (options.json === true)
    return terminal.printJson({
      gateway_uid: uid,
      config_file: path,
      former_until: until,
      pool_key: succession.poolKey,
    });
  terminal.print(path);
  terminal.note(`${name}: a new pool secret; the former one counts until ${until}.`);
  terminal.note('Next, until then: carry the file to every server, and restart one instance after the other with it.');
  terminal.note('After that, whoever has only the former secret is out. Then rotate the credentials it could read.');
}

function readConfiguration(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new GatewayError('bad-config', `--config-file: ${path} cannot be read`, { cause });
  }
}
