/**
 * The SSH key of a Linux account: a new Ed25519 key is added to `authorized_keys` beside the old one, tried, and the old one taken out afterwards. So the
 * account can be logged in to at every moment.
 */
import ssh2 from 'ssh2';
import { GatewayError } from '../../../base/errors.ts';
import { Secret } from '../../../base/secret.ts';
import type { Credential } from '../../../vault/index.ts';
import { type Account, CHANGE_MS, LOGIN_MS, placeOf, type RotationTarget, type TargetChange } from '../target.ts';
import { assertAccountName, loginAdmin, Privilege, quote } from './privilege.ts';
import { type CommandResult, type ShellInit, withShell } from './remote-shell.ts';

/** The target. */
export const linuxKey: RotationTarget = { name: 'Linux SSH key', login, loginAdmin, change, renew, retire };

const FILE = '.ssh/authorized_keys';

async function login(account: Account, credential: Credential, signal: AbortSignal): Promise<void> {
  await withShell(
    { account, credential: keyOnly(credential, account), what: 'login', ms: LOGIN_MS, signal },
    async () => undefined,
  );
}

async function change({ account, from, to, admin }: TargetChange, signal: AbortSignal): Promise<void> {
  const { blob, line } = publicKeyOf(to, account.user);
  const add = `umask 077 && mkdir -p .ssh && touch ${FILE} && { grep -qF -- ${quote(blob)} ${FILE} || { [ -z "$(tail -c 1 ${FILE})" ] || echo >> ${FILE}; echo ${quote(line)} >> ${FILE}; }; }`;
  await edit({ account, script: add, signal, admin, own: from ?? to });
}

/** The file is written in place: it keeps its owner, its mode and what a security module has marked it with. */
async function retire(
  { account, old, current }: Parameters<NonNullable<RotationTarget['retire']>>[0],
  signal: AbortSignal,
): Promise<void> {
  if (old.privateKey === null) return;
  const { blob } = publicKeyOf(old, account.user);
  const remove = `cd && kept=$(grep -vF -- ${quote(blob)} ${FILE}) && printf '%s\\n' "$kept" > ${FILE}`;
  await edit({ account, script: remove, signal, admin: null, own: current });
}

function renew(current: Credential, user: string): Credential {
  const { private: privateKey } = ssh2.utils.generateKeyPairSync('ed25519', { comment: `${user} rotated` });
  return { ...current, user, privateKey: new Secret(privateKey), passphrase: null, certificate: null };
}

async function edit(init: {
  readonly account: Account;
  readonly script: string;
  readonly signal: AbortSignal;
  readonly admin: TargetChange['admin'];
  readonly own: Credential;
}): Promise<void> {
  const { account, script, admin, own, signal } = init;
  assertAccountName(account.user);
  const credential = admin === null ? keyOnly(own, account) : admin.credential;
  const by = { record: account.record, user: admin?.user ?? account.user };
  const shellInit: ShellInit = { account: by, credential, what: 'change', ms: CHANGE_MS, signal };
  const { code, output } = await withShell(shellInit, async (shell): Promise<CommandResult> => {
    if (admin === null) return shell.run(`sh -c ${quote(script)}`, '');
    return (await Privilege.of(shell, admin)).asUser(account.user, script, '');
  });
  if (code === 0) return;
  const said = output.trim().slice(0, 200) || `exit code ${code}`;
  throw new GatewayError(
    'target-reset',
    `${placeOf(account.record)}: ${FILE} of ${account.user} could not be changed: ${said}`,
  );
}

/** The public half: the base64 that names the key, and the line of the file. */
function publicKeyOf(credential: Credential, user: string): { readonly blob: string; readonly line: string } {
  const parsed = ssh2.utils.parseKey(credential.privateKey?.reveal() ?? '', credential.passphrase?.reveal());
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  if (key === undefined || key instanceof Error)
    throw new GatewayError('credential-missing', `the private key of ${user} cannot be read`);
  const blob = key.getPublicSSH().toString('base64');
  return { blob, line: `${key.type} ${blob} ${user} rotated` };
}

function keyOnly(credential: Credential, { user }: Account): Credential {
  if (credential.privateKey === null)
    throw new GatewayError('credential-missing', `the credential of ${user} has no private key`);
  return { ...credential, password: null };
}
