/** Pure: the programs of each database, and how they are pointed at a local way in. None of them is given a password: none is needed. */

/** Where the way in is on this machine. */
export type LocalWay =
  | { readonly kind: 'port'; readonly host: string; readonly port: number }
  /** A Unix socket in a folder. */
  | { readonly kind: 'socket'; readonly folder: string };

/** How a program is started. */
export interface ProgramStart {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** One kind of database. */
export interface DatabasePrograms {
  /** Name of the Unix socket in its folder, by which the programs look for it. */
  readonly socketName: string;
  /** In the order of preference. */
  readonly programs: readonly string[];
  /** `user` and `database` where the record names them. */
  start(way: LocalWay, names: Names): ProgramStart;
}

/** What the record names. */
export interface Names {
  readonly user: string;
  readonly database: string | undefined;
}

const POSTGRES_PORT = 5432;

const postgres: DatabasePrograms = {
  socketName: `.s.PGSQL.${POSTGRES_PORT}`,
  programs: ['psql'],
  start: (way, { user, database }) => ({
    args: [],
    env: {
      PGHOST: way.kind === 'port' ? way.host : way.folder,
      PGPORT: String(way.kind === 'port' ? way.port : POSTGRES_PORT),
      PGUSER: user,
      ...(database === undefined ? {} : { PGDATABASE: database }),
      // The way from here to the gateway is encrypted already.
      PGSSLMODE: 'disable',
      PGGSSENCMODE: 'disable',
    },
  }),
};

const mysql: DatabasePrograms = {
  socketName: 'mysql.sock',
  programs: ['mariadb', 'mysql'],
  start: (way, { user, database }) => ({
    args: [
      ...(way.kind === 'port'
        ? ['--protocol=tcp', `--host=${way.host}`, `--port=${way.port}`]
        : [`--socket=${way.folder}/mysql.sock`]),
      `--user=${user}`,
      ...(database === undefined ? [] : [`--database=${database}`]),
    ],
    env: {},
  }),
};

const DATABASES: ReadonlyMap<string, DatabasePrograms> = new Map([
  ['postgres', postgres],
  ['mysql', mysql],
]);

/** The programs of a record's protocol; undefined for what is no database. */
export function programsOf(protocol: string): DatabasePrograms | undefined {
  return DATABASES.get(protocol);
}

/** What a person can paste into a shell. */
export function lineToPaste(protocol: string, way: LocalWay, names: Names): string | undefined {
  const programs = programsOf(protocol);
  const program = programs?.programs[0];
  if (programs === undefined || program === undefined) return undefined;
  const { args, env } = programs.start(way, names);
  const settings = Object.entries(env).map(([name, value]) => `${name}=${quote(value)}`);
  return [...settings, program, ...args.map(quote)].join(' ');
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
