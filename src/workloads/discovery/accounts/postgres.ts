import { withPostgres } from '../../rotation/postgres/index.ts';
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

/** Roles that log in. `pg_roles` shows everything but the password. */
const ROLES = `
  SELECT rolname AS login, rolsuper AS super, rolcreaterole AS creates_roles, rolcreatedb AS creates_databases,
         rolreplication AS replicates, rolvaliduntil < now() AS expired, rolvaliduntil::text AS until,
         ARRAY(SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
               WHERE m.member = r.oid ORDER BY 1)::text[] AS groups
  FROM pg_roles r WHERE rolcanlogin ORDER BY rolname LIMIT ${LISTED_MAX + 1}`;
const DATABASES = `
  SELECT datname AS name FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname LIMIT ${LISTED_MAX + 1}`;
const GROUPS = `SELECT count(*)::int AS groups FROM pg_roles WHERE NOT rolcanlogin AND rolname !~ '^pg_'`;

interface Role {
  readonly login: string;
  readonly super: boolean;
  readonly creates_roles: boolean;
  readonly creates_databases: boolean;
  readonly replicates: boolean;
  readonly expired: boolean | null;
  readonly until: string | null;
  readonly groups: readonly string[];
}

/** Roles and databases of PostgreSQL. */
export async function lookAtPostgres({ account, credential, signal }: Look): Promise<Inventory> {
  const found = Promise.withResolvers<Inventory>();
  await withPostgres({ account, credential, what: 'inventory', ms: LOOK_MS, signal }, async (client) => {
    const version = await client.query<{ server_version: string }>('SHOW server_version');
    const roles = await client.query<Role>(ROLES);
    const databases = await client.query<{ name: string }>(DATABASES);
    const groups = await client.query<{ groups: number }>(GROUPS);
    const left = groups.rows[0]?.groups ?? 0;
    const [accounts, names] = [listed(roles.rows, 'roles'), listed(databases.rows, 'databases')];
    found.resolve({
      version: plain(version.rows[0]?.server_version, 60) || null,
      system: null,
      accounts: accounts.kept.map(accountOf),
      databases: names.kept.map(({ name }) => plain(name)),
      machines: [],
      notes: [...accounts.notes, ...names.notes, ...(left > 0 ? [`${left} roles that cannot log in left out`] : [])],
    });
  });
  return found.promise;
}

function accountOf(role: Role): FoundAccount {
  return {
    login: plain(role.login, 128),
    distinguishedName: null,
    admin: role.super,
    active: role.expired !== true,
    detail: detailOf([
      role.super && 'superuser',
      role.creates_roles && 'creates roles',
      role.creates_databases && 'creates databases',
      role.replicates && 'replicates',
      role.groups.length > 0 && `member of ${role.groups.join(' and ')}`,
      role.until !== null && `valid until ${role.until}`,
    ]),
  };
}
