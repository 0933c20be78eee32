/**
 * The password of a Linux account, over SSH: by the account itself through `passwd`, by an admin through `chpasswd`, so that the system's own policy
 * decides. Passwords go to the programs' standard input only.
 */
import { GatewayError } from '../../../base/errors.ts';
import type { Credential } from '../../../vault/index.ts';
import { renewPassword } from '../renew-password.ts';
import {
  type Account,
  CHANGE_MS,
  LOGIN_MS,
  passwordOf,
  placeOf,
  type RotationTarget,
  type TargetChange,
} from '../target.ts';
import { assertAccountName, loginAdmin, Privilege } from './privilege.ts';
import { withShell } from './remote-shell.ts';

/** The target. */
export const linuxPassword: RotationTarget = {
  name: 'Linux password',
  login,
  loginAdmin,
  change,
  renew: renewPassword,
};

async function login(account: Account, credential: Credential, signal: AbortSignal): Promise<void> {
  // Only the password counts: an account that also has a key would be let in by that.
  const only = { ...credential, privateKey: null, passphrase: null, certificate: null };
  passwordOf(only, account.user);
  await withShell({ account, credential: only, what: 'login', ms: LOGIN_MS, signal }, async () => undefined);
}

async function change({ account, from, to, admin }: TargetChange, signal: AbortSignal): Promise<void> {
  assertAccountName(account.user);
  const password = passwordOf(to, account.user);
  const actor = admin ?? { user: account.user, credential: from ?? to };
  const by = { record: account.record, user: actor.user };
  const init = { account: by, credential: actor.credential, what: 'change', ms: CHANGE_MS, signal };
  await withShell(init, async (shell) => {
    if (admin !== null) {
      const result = await (await Privilege.of(shell, admin)).asRoot('chpasswd', `${account.user}:${password}\n`);
      return assertChanged(account, result);
    }
    const old = passwordOf(actor.credential, account.user);
    assertChanged(account, await shell.run('LC_ALL=C passwd', `${old}\n${password}\n${password}\n`));
  });
}

/** PAM says why in words only; all of them mean that the password is as before. */
function assertChanged(
  { record, user }: Account,
  { code, output }: { readonly code: number; readonly output: string },
): void {
  if (code === 0) return;
  const said = output.replace(
    /(Changing password for \S+|Current password:|New password:|Retype new password:)\s*/g,
    '',
  );
  if (code === 127) throw new GatewayError('not-supported', `${placeOf(record)}: ${said}`);
  throw new GatewayError(
    'password-refused',
    `${placeOf(record)} refused the new password of ${user}: ${said.trim().slice(0, 200) || `exit code ${code}`}`,
  );
}
