/**
 * The drivers' own integration tests through the gateway: those of the last releases of `pg` and `mysql2` that were published with their tests. What does not
 * pass at the server's own port either (old tests, new server) tells nothing of the gateway; the rest has to pass.
 */

import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MariadbServer, mariadbMissing, startMariadb } from '../../../e2e/targets/mariadb-server.ts';
import { type PostgresServer, postgresMissing, startPostgres } from '../../../e2e/targets/postgres-server.ts';
import { DatabaseWorld, portOf } from '../database-world.ts';

const PASSWORD = 'known to the gateway alone';
const SCRIPT_MS_MAX = 15_000;
const PATIENTLY = { timeout: 4 * SCRIPT_MS_MAX };

interface Place {
  readonly port: number;
  readonly password: string;
}

/** One of the driver's test scripts, and how it is told where the server is. */
interface Suite {
  readonly folder: string;
  readonly scripts: readonly string[];
  run(script: string, place: Place): Promise<Ran>;
}

interface Ran {
  readonly passed: boolean;
  readonly output: string;
}

function folderOf(driver: string, ...below: readonly string[]): string {
  return join(fileURLToPath(new URL('../../../../node_modules', import.meta.url)), driver, ...below);
}

function scriptsIn(folder: string, pattern: RegExp): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => pattern.test(name)).sort();
}

function runScript(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ran> {
  const options = {
    env: { PATH: process.env['PATH'], ...env },
    timeout: SCRIPT_MS_MAX,
    killSignal: 'SIGKILL',
  } as const;
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, (error, stdout, stderr) =>
      resolve({ passed: error === null, output: `${stdout}\n${stderr}`.slice(-2000) }),
    );
  });
}

const PRELOAD = new URL('net-stream.ts', import.meta.url).href;
const PG = folderOf('pg-suite', 'test', 'integration');

const pgSuite: Suite = {
  folder: PG,
  // Left out: what waits for a service of Heroku's, or for packages that only the driver's own checkout has.
  scripts: scriptsIn(PG, /-tests\.js$/).filter((name) => !/heroku|domain-tests|600-tests|699-tests/.test(name)),
  run: (script, { port, password }) =>
    runScript(
      ['--import', PRELOAD, script, `postgres://app:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`],
      {},
    ),
};

const MYSQL2 = folderOf('mysql2-suite', 'test', 'integration');

const mysql2Suite: Suite = {
  folder: MYSQL2,
  scripts: scriptsIn(MYSQL2, /(^|\/)test-[^/]+\.js$/),
  run: (script, { port, password }) =>
    runScript([script], { CI: '1', MYSQL_PORT: String(port), MYSQL_USER: 'app', MYSQL_PASSWORD: password }),
};

/** How many passed through the gateway, once all have run. */
function suiteTests(
  suite: Suite,
  places: () => { readonly direct: Place; readonly through: Place },
  least: number,
): void {
  let passed = 0;

  it.each(suite.scripts)('%s', PATIENTLY, async (name) => {
    const script = join(suite.folder, name);
    const through = await suite.run(script, places().through);
    if (through.passed) passed += 1;
    else expect(await suite.run(script, places().direct), through.output).toMatchObject({ passed: false });
  });

  it(`pass, ${least} of ${suite.scripts.length}`, () => expect(passed).toBeGreaterThanOrEqual(least));
}

describe.skipIf(postgresMissing() !== undefined)('the tests of pg 4.5.7', () => {
  let server: PostgresServer;
  let world: DatabaseWorld;
  let places: { readonly direct: Place; readonly through: Place };

  beforeAll(async () => {
    [server, world] = await Promise.all([startPostgres(), DatabaseWorld.start()]);
    // The driver is older than SCRAM.
    await server.addRole({ name: 'app', password: PASSWORD, authentication: 'md5' });
    const { port } = server;
    const tunnel = await world.open({ title: 'main', protocol: 'postgres', port, user: 'app', password: PASSWORD });
    places = { direct: { port, password: PASSWORD }, through: { port: portOf(tunnel), password: 'none' } };
    const tables = folderOf('pg-suite', 'script', 'create-test-tables.js');
    expect(await pgSuite.run(tables, places.through)).toMatchObject({ passed: true });
  }, 60_000);
  afterAll(async () => {
    await world?.stop();
    await server?.stop();
  });

  suiteTests(pgSuite, () => places, 45);
});

describe.skipIf(mariadbMissing() !== undefined)('the tests of mysql2 0.15.8', () => {
  let server: MariadbServer;
  let world: DatabaseWorld;
  let places: { readonly direct: Place; readonly through: Place };

  beforeAll(async () => {
    [server, world] = await Promise.all([startMariadb(), DatabaseWorld.start()]);
    await server.addUser({ name: 'app', password: PASSWORD });
    const { port } = server;
    const tunnel = await world.open({ title: 'main', protocol: 'mysql', port, user: 'app', password: PASSWORD });
    places = { direct: { port, password: PASSWORD }, through: { port: portOf(tunnel), password: 'none' } };
  }, 60_000);
  afterAll(async () => {
    await world?.stop();
    await server?.stop();
  });

  suiteTests(mysql2Suite, () => places, 41);
});
