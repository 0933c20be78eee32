/** A real OpenLDAP server of the test's own, with a password policy. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'ldapts';
import { needs, until } from '../harness/until.ts';
import { findProgram, freePort, giveTo, makeServiceFolder, startService } from './service.ts';

/** A running server. */
export interface LdapServer {
  readonly host: string;
  readonly port: number;
  /** DN of who may do everything, and the password. */
  readonly user: string;
  readonly password: string;
  /** A new person; the DN. */
  addUser(name: string, password: string): Promise<string>;
  /** A new computer. */
  addMachine(name: string): Promise<void>;
  lines(): readonly string[];
  stop(): Promise<void>;
}

const USER = 'openldap';
const SUFFIX = 'dc=example,dc=org';
/** What the server's policy asks of a password. */
export const LDAP_PASSWORD_LENGTH_MIN = 12;

/** Why there can be no server here, or undefined. */
export function ldapMissing(): string | undefined {
  return findProgram(['/usr/sbin/slapd']) === undefined ? 'OpenLDAP (slapd) is not installed' : undefined;
}

/** Starts a server that forgets everything when it stops. */
export async function startLdap(): Promise<LdapServer> {
  const folder = makeServiceFolder('slapd', USER);
  mkdirSync(join(folder, 'data'));
  const [user, password] = [`cn=admin,${SUFFIX}`, 'sup3r secret of the admin'];
  writeFileSync(join(folder, 'slapd.conf'), configuration(folder, { user, password }));
  giveTo(USER, folder);
  const port = await freePort();
  const service = await startService({
    folder,
    user: USER,
    command: '/usr/sbin/slapd',
    args: ['-h', `ldap://127.0.0.1:${port}`, '-f', join(folder, 'slapd.conf'), '-d', '256'],
    stopSignal: 'SIGTERM',
    ready: /slapd starting/,
  });
  // It says so a moment before it listens.
  await until('slapd listens', { within: 10_000 }, async () => {
    const refused = await asAdmin({ port, user, password }, async () => undefined).catch((error: unknown) => error);
    needs(refused === undefined, String(refused));
  });
  const add: Add = (dn, attributes) => asAdmin({ port, user, password }, (client) => client.add(dn, attributes));
  await add(SUFFIX, { objectClass: ['dcObject', 'organization'], dc: 'example', o: 'Example' });
  await add(`cn=policy,${SUFFIX}`, {
    objectClass: ['device', 'pwdPolicy'],
    pwdAttribute: 'userPassword',
    pwdCheckQuality: '2',
    pwdMinLength: String(LDAP_PASSWORD_LENGTH_MIN),
  });
  return {
    host: '127.0.0.1',
    port,
    user,
    password,
    addUser: async (name, userPassword) => {
      const dn = `uid=${name},${SUFFIX}`;
      await add(dn, { objectClass: ['inetOrgPerson'], uid: name, cn: name, sn: name, userPassword });
      return dn;
    },
    addMachine: (name) => add(`cn=${name},${SUFFIX}`, { objectClass: ['device'], cn: name }),
    lines: () => service.lines(),
    stop: () => service.stop(),
  };
}

type Add = (dn: string, attributes: Record<string, string | string[]>) => Promise<void>;

function configuration(folder: string, admin: { readonly user: string; readonly password: string }): string {
  return [
    ...['core', 'cosine', 'inetorgperson'].map((name) => `include /etc/ldap/schema/${name}.schema`),
    'modulepath /usr/lib/ldap',
    'moduleload back_mdb',
    'moduleload ppolicy',
    'database mdb',
    `suffix "${SUFFIX}"`,
    `rootdn "${admin.user}"`,
    `rootpw "${admin.password}"`,
    `directory ${join(folder, 'data')}`,
    'dbnosync',
    'overlay ppolicy',
    `ppolicy_default "cn=policy,${SUFFIX}"`,
    'ppolicy_hash_cleartext',
    'access to attrs=userPassword by self =xw by anonymous auth by * none',
    'access to * by self read by * none',
    '',
  ].join('\n');
}

async function asAdmin(
  { port, user, password }: { readonly port: number; readonly user: string; readonly password: string },
  use: (client: Client) => Promise<void>,
): Promise<void> {
  const client = new Client({ url: `ldap://127.0.0.1:${port}` });
  try {
    await client.bind(user, password);
    await use(client);
  } finally {
    await client.unbind();
  }
}
