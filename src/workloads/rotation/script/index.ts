/**
 * Anything a program of the operator can rotate: `login` and `change` run an executable of the instance's `scripts` folder, named by the record's label
 * `rotation.script`. It gets one JSON document on its standard input and answers by its exit code: 0 done, 10 login refused, 11 new password refused,
 * anything else unknown. It is *not* a way to run commands that a record spells out: only what the operator has put into the folder.
 */
import { GatewayError } from '../../../base/errors.ts';
import type { Credential } from '../../../vault/index.ts';
import { RotationLabel } from '../../../wire/rotation-profile.ts';
import { renewPassword } from '../renew-password.ts';
import { type Account, CHANGE_MS, LOGIN_MS, labelOf, type RotationTarget, type TargetChange } from '../target.ts';
import { runScript, type ScriptResult } from './run-script.ts';

const [LOGIN_REFUSED, PASSWORD_REFUSED] = [10, 11];

/** The target over one folder of scripts. */
export function createScriptTarget(folder: string): RotationTarget {
  const run = (document: object, record: Account['record'], ms: number, signal: AbortSignal): Promise<ScriptResult> =>
    runScript({
      folder,
      name: labelOf(record, RotationLabel.script) ?? '',
      input: JSON.stringify(document),
      ms,
      signal,
    });
  return {
    name: 'script',
    renew: renewPassword,
    login: async ({ record, user }, credential, signal) => {
      const document = { action: 'login', ...where(record), user, credential: opened(credential) };
      assertDone(await run(document, record, LOGIN_MS, signal), user);
    },
    change: async ({ account, from, to, admin }: TargetChange, signal) => {
      const { record, user } = account;
      const by = admin === null ? null : { user: admin.user, credential: opened(admin.credential) };
      const old = from === null ? null : opened(from);
      const document = { action: 'change', ...where(record), user, credential: opened(to), old, admin: by };
      assertDone(await run(document, record, CHANGE_MS, signal), user);
    },
  };
}

function where({ recordId, title, host, port }: Account['record']): object {
  return { recordId, title, host, port };
}

function opened({ password, privateKey, passphrase }: Credential): object {
  return {
    password: password?.reveal() ?? null,
    privateKey: privateKey?.reveal() ?? null,
    passphrase: passphrase?.reveal() ?? null,
  };
}

function assertDone({ code, output, name }: ScriptResult, user: string): void {
  if (code === 0) return;
  const said = output.trim().slice(0, 200) || 'without a word';
  if (code === LOGIN_REFUSED)
    throw new GatewayError('credential-refused', `script ${name} says that the login of ${user} is refused: ${said}`);
  if (code === PASSWORD_REFUSED)
    throw new GatewayError(
      'password-refused',
      `script ${name} says that the new password of ${user} is refused: ${said}`,
    );
  throw new GatewayError('target-reset', `script ${name} failed with exit code ${code}: ${said}`);
}
