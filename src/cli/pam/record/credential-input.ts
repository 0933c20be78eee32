import type { Command } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { Secret } from '../../../base/secret.ts';
import type { Credential } from '../../../vault/index.ts';
import type { Terminal } from '../../frame/terminal.ts';

/** Flags that say what logs in at the target. No secret is ever an argument: arguments are seen by everyone on the machine. */
export interface CredentialOptions {
  readonly passwordStdin?: boolean;
  readonly privateKeyFile?: string;
  readonly passphraseStdin?: boolean;
  readonly passphraseFile?: string;
  readonly certificateFile?: string;
}

/** Adds the flags. */
export function addCredentialOptions(command: Command): Command {
  return command
    .option('--password-stdin', 'read the password from standard input')
    .option('--private-key-file <FILE>', 'private key in OpenSSH or PEM form')
    .option('--passphrase-stdin', "read the key's passphrase from standard input")
    .option('--passphrase-file <FILE>', "file with the key's passphrase")
    .option('--certificate-file <FILE>', 'OpenSSH user certificate of the key');
}

/** True if any of them is given. */
export function givesCredential(options: CredentialOptions): boolean {
  return options.passwordStdin === true || options.privateKeyFile !== undefined || partOfKey(options) !== undefined;
}

/** The credential that the flags give, null if none does. Throws `bad-usage` for flags that do not fit together and files that do not fit at all. */
export async function readCredential(
  terminal: Terminal,
  options: CredentialOptions,
  user: string | null,
): Promise<Credential | null> {
  if (!givesCredential(options)) return null;
  refuseMisfits(options);
  const [{ readSecretFile, readSecretInput, readTextFile }, bounds] = await Promise.all([
    import('../../frame/read-input.ts'),
    import('../../../vault/client.ts'),
  ]);
  const { passwordStdin, passphraseStdin, passphraseFile, privateKeyFile, certificateFile } = options;
  const stdin = (flag: string): Promise<Secret<string>> => {
    terminal.signal.throwIfAborted();
    return readSecretInput({ flag, bytesMax: bounds.PASSWORD_BYTES_MAX });
  };
  const file = (path: string | undefined, flag: string, bytesMax: number): Secret<string> | null =>
    path === undefined ? null : readSecretFile(path, { flag, bytesMax });
  const passphrase = file(passphraseFile, '--passphrase-file', bounds.PASSWORD_BYTES_MAX);
  return {
    user,
    password: passwordStdin === true ? await stdin('--password-stdin') : null,
    privateKey: asPrivateKey(file(privateKeyFile, '--private-key-file', bounds.PRIVATE_KEY_BYTES_MAX)),
    passphrase: passphraseStdin === true ? await stdin('--passphrase-stdin') : passphrase,
    certificate:
      certificateFile === undefined
        ? null
        : readTextFile(certificateFile, { flag: '--certificate-file', bytesMax: bounds.CERTIFICATE_BYTES_MAX }),
  };
}

function partOfKey(options: CredentialOptions): string | undefined {
  if (options.passphraseStdin === true) return '--passphrase-stdin';
  if (options.passphraseFile !== undefined) return '--passphrase-file';
  return options.certificateFile === undefined ? undefined : '--certificate-file';
}

function refuseMisfits(options: CredentialOptions): void {
  const ofKey = partOfKey(options);
  if (ofKey !== undefined && options.privateKeyFile === undefined) {
    throw new GatewayError('bad-usage', `${ofKey} belongs to a private key`, {
      remedy: 'Give --private-key-file too.',
    });
  }
  if (options.passphraseStdin !== true) return;
  const other = options.passwordStdin === true ? '--password-stdin' : options.passphraseFile && '--passphrase-file';
  if (other === undefined) return;
  throw new GatewayError('bad-usage', `--passphrase-stdin and ${other} cannot go together`, {
    remedy: 'Give the passphrase with --passphrase-file alone.',
  });
}

/** A public key or a certificate here is a usual slip, and would fail only at the first login. The line end belongs to the format. */
function asPrivateKey(file: Secret<string> | null): Secret<string> | null {
  if (file === null) return null;
  if (/^-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY-----/m.test(file.reveal())) return new Secret(`${file.reveal()}\n`);
  throw new GatewayError('bad-usage', '--private-key-file: the file holds no private key in OpenSSH or PEM form');
}
