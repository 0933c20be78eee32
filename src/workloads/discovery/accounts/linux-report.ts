/** Pure: what the script in `linux.ts` says about a machine. */
import { detailOf, type FoundAccount, type Inventory, listed, plain } from './inventory.ts';

/** Lines of the script's report begin with a word that says what they are. */
export function readReport(report: string): Inventory {
  const lines = report.split('\n').map((line) => line.trimEnd());
  const of = (word: string): readonly string[] =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  const people = of('passwd').flatMap((line) => parsePasswd(line) ?? []);
  const logins = people.filter(({ shell }) => isLoginShell(shell));
  const context = { groups: parseGroups(of('group')), states: parseStates(of('status')), sudo: parseSudo(of('sudo')) };
  const { kept, notes } = listed(logins, 'accounts');
  const without = people.length - logins.length;
  return {
    version: null,
    system:
      plain(
        of('system')[0]
          ?.replace(/^PRETTY_NAME=/, '')
          .replaceAll('"', '') ?? '',
        100,
      ) || null,
    accounts: kept.map((person) => accountOf(person, context)),
    databases: [],
    machines: [],
    notes: [
      ...notes,
      ...(without > 0 ? [`${without} accounts without a login shell left out`] : []),
      ...of('note').map((note) => plain(note)),
    ],
  };
}

interface Person {
  readonly login: string;
  readonly uid: number;
  readonly gid: string;
  readonly shell: string;
}

interface Context {
  /** Names of the groups that each login is in; by number for the primary one. */
  readonly groups: {
    readonly ofLogin: ReadonlyMap<string, readonly string[]>;
    readonly ofGid: ReadonlyMap<string, string>;
  };
  /** `L`, `P` or `NP` of `passwd -S`. */
  readonly states: ReadonlyMap<string, string>;
  /** What sudo lets a login do, in sudo's words. */
  readonly sudo: ReadonlyMap<string, readonly string[]>;
}

/** Groups whose members usually become root where sudo itself could not be asked. */
const ADMIN_GROUPS: ReadonlySet<string> = new Set(['sudo', 'wheel', 'admin', 'root']);

function accountOf({ login, uid, gid, shell }: Person, { groups, states, sudo }: Context): FoundAccount {
  const primary = groups.ofGid.get(gid);
  const memberships = [...(primary === undefined ? [] : [primary]), ...(groups.ofLogin.get(login) ?? [])];
  const allowed = sudo.get(login);
  const byGroup = allowed === undefined && memberships.some((name) => ADMIN_GROUPS.has(name));
  const state = states.get(login);
  return {
    login,
    distinguishedName: null,
    admin: uid === 0 || byGroup || (allowed ?? []).some(allowsEverything),
    active: true,
    detail: detailOf([
      `uid ${uid}`,
      shell,
      memberships.length > 0 && `groups ${memberships.join(' ')}`,
      state === 'L' && 'password locked',
      state === 'NP' && 'no password',
      allowed !== undefined && allowed.length > 0 && `sudo ${allowed.join('; ')}`,
    ]),
  };
}

/** `(ALL : ALL) NOPASSWD: ALL`: every command, as root. */
function allowsEverything(line: string): boolean {
  return /^\((?:root|ALL)\b[^)]*\)\s*(?:[A-Z_]+:\s*)*ALL$/.test(line);
}

function parsePasswd(line: string): Person | undefined {
  const [login = '', , uid = '', gid = '', , , shell = ''] = line.split(':');
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}\$?$/.test(login) || !/^\d+$/.test(uid)) return undefined;
  return { login, uid: Number(uid), gid, shell: plain(shell || '/bin/sh', 100) };
}

function isLoginShell(shell: string): boolean {
  return !/\/(?:nologin|false|sync|shutdown|halt)$/.test(shell);
}

function parseGroups(lines: readonly string[]): Context['groups'] {
  const [ofLogin, ofGid] = [new Map<string, string[]>(), new Map<string, string>()];
  for (const line of lines) {
    const [name = '', , gid = '', members = ''] = line.split(':');
    ofGid.set(gid, plain(name, 64));
    for (const member of members.split(',').filter((text) => text !== ''))
      ofLogin.set(member, [...(ofLogin.get(member) ?? []), plain(name, 64)]);
  }
  return { ofLogin, ofGid };
}

function parseStates(lines: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    lines.map((line) => {
      const [login = '', state = ''] = line.split(/\s+/);
      return [login, state.slice(0, 2)];
    }),
  );
}

/** `LOGIN LINE` as the script writes it; a line of its own, `LOGIN` alone, says that sudo was asked. */
function parseSudo(lines: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const line of lines) {
    const at = line.indexOf(' ');
    const login = at < 0 ? line : line.slice(0, at);
    const rest = at < 0 ? '' : plain(line.slice(at + 1), 120);
    found.set(login, [...(found.get(login) ?? []), ...(rest === '' ? [] : [rest])]);
  }
  return found;
}
