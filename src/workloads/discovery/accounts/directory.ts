import type { Client, Entry } from 'ldapts';
import { GatewayError } from '../../../base/errors.ts';
import { withDirectory } from '../../rotation/ldap/index.ts';
import { labelOf } from '../../rotation/target.ts';
import {
  detailOf,
  type FoundAccount,
  type Inventory,
  LISTED_MAX,
  LOOK_MS,
  type Look,
  listed,
  plain,
} from './inventory.ts';

/**
 * People and services: entries that somebody can bind as. No `!` in a filter: where the server does not know a class, whether an entry is not of it is undefined
 * (RFC 4511 §4.5.1.7), and nothing would be found. What is not meant is left out here.
 */
const USERS = '(|(objectClass=person)(objectClass=posixAccount)(objectClass=user)(objectClass=simpleSecurityObject))';
const MACHINES = '(|(objectClass=computer)(objectClass=ipHost)(objectClass=device))';
/** In Active Directory a computer is a user, too; a policy of OpenLDAP is a device. */
const [NO_USERS, NO_MACHINES] = [['computer'], ['pwdPolicy']];
const USER_ATTRIBUTES = [
  'objectClass',
  'uid',
  'sAMAccountName',
  'cn',
  'userAccountControl',
  'pwdAccountLockedTime',
  'adminCount',
  'description',
  'mail',
];
const MACHINE_ATTRIBUTES = [
  'objectClass',
  'dNSHostName',
  'cn',
  'ipHostNumber',
  'operatingSystem',
  'operatingSystemVersion',
];
/** Active Directory gives no more than this at a time. */
const PAGE_ENTRIES = 500;
/** Characters of a name that is shown whole. */
const DN_LENGTH_MAX = 400;
/** ACCOUNTDISABLE of `userAccountControl` (MS-ADTS 2.2.16). */
const DISABLED = 2;

/** Users and machines of a directory. */
export async function lookAtDirectory({ account, credential, signal }: Look): Promise<Inventory> {
  const found = Promise.withResolvers<Inventory>();
  await withDirectory({ account, credential, what: 'inventory', ms: LOOK_MS, signal }, async (client) => {
    const root = await rootOf(client);
    const base = labelOf(account.record, 'base') ?? root.base;
    if (base === '')
      throw new GatewayError('bad-usage', `${account.record.title} does not say where its entries are`, {
        remedy: `Name the base: pam record edit ${account.record.recordId} --label base=dc=example,dc=org`,
      });
    const users = listed(without(NO_USERS, await search(client, base, USERS, USER_ATTRIBUTES)), 'users');
    const machines = listed(without(NO_MACHINES, await search(client, base, MACHINES, MACHINE_ATTRIBUTES)), 'machines');
    found.resolve({
      version: root.version,
      system: null,
      accounts: users.kept.map(accountOf),
      databases: [],
      machines: machines.kept.flatMap((entry) => machineOf(entry) ?? []),
      notes: [...users.notes, ...machines.notes],
    });
  });
  return found.promise;
}

/** The root entry, which says what the server holds (RFC 4512 §5.1). */
async function rootOf(client: Client): Promise<{ readonly base: string; readonly version: string | null }> {
  const attributes = ['defaultNamingContext', 'namingContexts', 'vendorName', 'vendorVersion'];
  const { searchEntries } = await client.search('', { scope: 'base', filter: '(objectClass=*)', attributes });
  const [root] = searchEntries;
  const vendor = detailOf([first(root, 'vendorName'), first(root, 'vendorVersion')]);
  return {
    base: first(root, 'defaultNamingContext') ?? first(root, 'namingContexts') ?? '',
    version: vendor === '' ? null : vendor.slice(0, 100),
  };
}

async function search(client: Client, base: string, filter: string, attributes: string[]): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  const pages = client.searchPaginated(base, { scope: 'sub', filter, attributes, paged: { pageSize: PAGE_ENTRIES } });
  for await (const { searchEntries } of pages) {
    entries.push(...searchEntries);
    if (entries.length > LISTED_MAX) break;
  }
  return entries;
}

function without(classes: readonly string[], entries: readonly Entry[]): readonly Entry[] {
  const unwanted = classes.map((name) => name.toLowerCase());
  const classesOf = (entry: Entry): readonly string[] => [entry['objectClass'] ?? []].flat().map(String);
  return entries.filter((entry) => !classesOf(entry).some((name) => unwanted.includes(name.toLowerCase())));
}

function accountOf(entry: Entry): FoundAccount {
  const control = Number(first(entry, 'userAccountControl') ?? 0);
  const locked = first(entry, 'pwdAccountLockedTime') !== undefined;
  const isDisabled = (control & DISABLED) !== 0;
  return {
    login: plain(first(entry, 'sAMAccountName') ?? first(entry, 'uid') ?? first(entry, 'cn') ?? entry.dn, 128),
    distinguishedName: plain(entry.dn, DN_LENGTH_MAX),
    admin: first(entry, 'adminCount') === '1',
    active: !isDisabled && !locked,
    detail: detailOf([
      first(entry, 'cn'),
      first(entry, 'mail'),
      isDisabled && 'disabled',
      locked && 'locked',
      first(entry, 'description'),
    ]),
  };
}

function machineOf(entry: Entry): Inventory['machines'][number] | undefined {
  const host = plain(first(entry, 'dNSHostName') ?? first(entry, 'ipHostNumber') ?? first(entry, 'cn'), 255);
  if (!/^[A-Za-z0-9][A-Za-z0-9.:-]*$/.test(host)) return undefined;
  const system = detailOf([first(entry, 'operatingSystem'), first(entry, 'operatingSystemVersion')]);
  return { host, system: system === '' ? null : system.slice(0, 100) };
}

/** The first value of an attribute, if it has one that is text. */
function first(entry: Entry | undefined, attribute: string): string | undefined {
  const value: unknown = entry?.[attribute];
  const one: unknown = Array.isArray(value) ? value[0] : value;
  return typeof one === 'string' && one !== '' ? one : undefined;
}
