import { GatewayError } from '../../../base/errors.ts';
import { Privilege } from '../../rotation/linux/privilege.ts';
import { type RemoteShell, withShell } from '../../rotation/linux/remote-shell.ts';
import { type Inventory, LISTED_MAX, LOOK_MS, type Look } from './inventory.ts';
import { readReport } from './linux-report.ts';

/** Accounts that sudo is asked about: each costs it some milliseconds. */
const SUDO_ASKED_MAX = 300;

/**
 * Reads only, and neither password hashes (`passwd -S` tells the state without them) nor anybody's files. sudo itself says what its rules let each account do:
 * it knows its aliases, groups and included files best.
 */
const SCRIPT = `
{ getent passwd || cat /etc/passwd; } 2>/dev/null | head -n ${LISTED_MAX * 2} | sed 's/^/passwd /'
{ getent group || cat /etc/group; } 2>/dev/null | head -n ${LISTED_MAX * 2} | sed 's/^/group /'
sed -n 's/^PRETTY_NAME=/system PRETTY_NAME=/p' /etc/os-release 2>/dev/null
if [ "$(id -u)" -eq 0 ]; then
  passwd -S -a 2>/dev/null | sed 's/^/status /'
  if command -v sudo >/dev/null 2>&1; then
    { getent passwd || cat /etc/passwd; } 2>/dev/null | grep -Ev '/(nologin|false|sync|shutdown|halt)$' |
      cut -d: -f1 | head -n ${SUDO_ASKED_MAX} | while IFS= read -r login; do
        printf 'sudo %s\\n' "$login"
        sudo -n -l -U "$login" </dev/null 2>/dev/null | sed -n 's/^    *\\((.*\\)$/\\1/p' | while IFS= read -r line; do
          printf 'sudo %s %s\\n' "$login" "$line"
        done
      done
  fi
else
  printf 'note sudoers and locked passwords could not be seen: the account is neither root nor may it become root\\n'
fi
`;

/** Local accounts of a Linux machine, and what sudo lets them do. */
export async function lookAtLinux({ account, credential, signal }: Look): Promise<Inventory> {
  return withShell({ account, credential, what: 'inventory', ms: LOOK_MS, signal }, async (shell) => {
    const report = await readScript(shell, { user: account.user, credential });
    if (report.trim() === '')
      throw new GatewayError('not-supported', `${account.record.title} gives no answer that a shell would give`);
    return readReport(report);
  });
}

/** As root where there is a way, else as the account itself. */
async function readScript(
  shell: RemoteShell,
  who: { readonly user: string; readonly credential: Look['credential'] },
): Promise<string> {
  try {
    return (await (await Privilege.of(shell, who)).readAsRoot('sh -s', SCRIPT)).output;
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'not-allowed') throw error;
    return (await shell.read('LC_ALL=C sh -s', SCRIPT)).output;
  }
}
