/** The password of an account is replaced when a session with it has ended, on a real OpenSSH server with an account of this machine. */

import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useSharedPools } from './harness/shared-pool.ts';
import { addSshRecord } from './harness/ssh-record.ts';
import { needs, until } from './harness/until.ts';
import { type LinuxServer, type LinuxUser, linuxServerMissing, startLinuxServer } from './targets/linux-server.ts';

const createPool = useSharedPools();

describe.skipIf(linuxServerMissing() !== undefined)('a session over SSH', { timeout: 60_000 }, () => {
  let server: LinuxServer;
  let user: LinuxUser;
  beforeAll(async () => {
    server = await startLinuxServer();
    user = server.addUser();
  });
  afterAll(() => server?.stop());

  /** True if the server lets the account in with the password it was made with. */
  function isFirstPassword(): Promise<boolean> {
    const client = new ssh2.Client();
    return new Promise<boolean>((resolve, reject) => {
      client.on('ready', () => resolve(true));
      client.on('error', (error) => (error.level === 'client-authentication' ? resolve(false) : reject(error)));
      const { host, port } = server;
      client.connect({ host, port, username: user.name, password: user.password, hostVerifier: () => true });
    }).finally(() => client.end());
  }

  it('ends, and what its user may have seen of the password is worth nothing any more', async () => {
    const pool = await createPool({ instances: 2 });
    const { port } = server;
    await addSshRecord(pool, 'shared-host', { port, user: user.name, password: user.password });
    const launch = ['launch', 'shared-host', '--', 'id -un'];
    expect(await pool.pam(launch)).toMatchObject({ code: 0, stdout: `${user.name}\n` });
    expect(await pool.pam(['rotation', 'edit', '-r', 'shared-host', '--after-session', 'on'])).toMatchObject({
      code: 0,
    });
    expect(await isFirstPassword()).toBe(true);
    expect(await pool.pam(launch)).toMatchObject({ code: 0, stdout: `${user.name}\n` });

    const rotations = await until('its rotation has succeeded', { within: 30_000, every: 200 }, async () => {
      const reports = await Promise.all(pool.started.map((instance) => instance.ask({ kind: 'jobs' })));
      const known = reports.flatMap(({ jobs }) => jobs.filter(({ kind }) => kind === 'rotation'));
      needs(known.length > 0 && known.every(({ state }) => state === 'succeeded'), () => JSON.stringify(known));
      return new Set(known.map(({ jobId }) => jobId));
    });
    expect(rotations.size).toBe(1);
    expect(await isFirstPassword()).toBe(false);
    expect(await pool.pam(launch)).toMatchObject({ code: 0, stdout: `${user.name}\n` });
  });
});
