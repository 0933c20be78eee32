import { GatewayError } from '../../../base/errors.ts';
import type { Credential } from '../../../vault/index.ts';
import { type Account, LOGIN_MS } from '../target.ts';
import { type CommandResult, type RemoteShell, withShell } from './remote-shell.ts';

/** An admin may log in by key or by password, whatever is rotated. */
export async function loginAdmin(account: Account, credential: Credential, signal: AbortSignal): Promise<void> {
  await withShell({ account, credential, what: 'login', ms: LOGIN_MS, signal }, async () => undefined);
}

/** Runs commands of ours as root, or as another account, through whatever the admin has: being root, or sudo with or without a password. */
export class Privilege {
  readonly #shell: RemoteShell;
  readonly #prefix: string;
  readonly #firstLine: string;

  private constructor(shell: RemoteShell, prefix: string, firstLine: string) {
    this.#shell = shell;
    this.#prefix = prefix;
    this.#firstLine = firstLine;
  }

  /** Finds out which way there is. Throws `not-allowed`. */
  static async of(
    shell: RemoteShell,
    admin: { readonly user: string; readonly credential: Credential },
  ): Promise<Privilege> {
    if ((await shell.run('id -u', '')).output.trim() === '0') return new Privilege(shell, '', '');
    if ((await shell.run('sudo -n true', '')).code === 0) return new Privilege(shell, 'sudo -n ', '');
    const password = admin.credential.password?.reveal();
    // A password that sudo does not read would be the first line of what the command reads: so `-k` makes it ask each time.
    if (password !== undefined && (await shell.run("sudo -S -k -p '' true", `${password}\n`)).code === 0)
      return new Privilege(shell, "sudo -S -k -p '' ", `${password}\n`);
    throw new GatewayError('not-allowed', `${admin.user} is not root there and may not use sudo`);
  }

  /** Runs a command as root. */
  asRoot(command: string, input: string): Promise<CommandResult> {
    return this.#shell.run(`LC_ALL=C ${this.#prefix}${command}`, `${this.#firstLine}${input}`);
  }

  /** Runs a command as root that has much to say. */
  readAsRoot(command: string, input: string): Promise<CommandResult> {
    return this.#shell.read(`LC_ALL=C ${this.#prefix}${command}`, `${this.#firstLine}${input}`);
  }

  /** Runs a script of `sh` as the account. */
  asUser(user: string, script: string, input: string): Promise<CommandResult> {
    return this.asRoot(`su -s /bin/sh - ${user} -c ${quote(script)}`, input);
  }
}

/** A word of `sh`. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Names that may stand in a command line: what `useradd` takes. Throws `bad-usage`. */
export function assertAccountName(user: string): void {
  if (/^[A-Za-z_][A-Za-z0-9_.-]{0,63}\$?$/.test(user)) return;
  throw new GatewayError('bad-usage', `"${user.slice(0, 64)}" is no name of a Linux account`);
}
