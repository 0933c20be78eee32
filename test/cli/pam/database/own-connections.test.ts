import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { findOwner, refuseOthers } from '../../../../src/cli/pam/database/own-connections.ts';
import { lineToPaste } from '../../../../src/cli/pam/database/programs.ts';

const isLinuxRoot = process.platform === 'linux' && process.getuid?.() === 0;

/** A connection of this process, or of a program of another user, as the server sees it. */
async function arriving(from: (port: number) => void): Promise<Socket> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  from(address === null || typeof address === 'string' ? 0 : address.port);
  const [socket] = await once(server, 'connection', { signal: AbortSignal.timeout(10_000) });
  server.close();
  return socket;
}

describe('a connection to a local port', () => {
  it('of this user is served', async () => {
    const socket = await arriving((port) => connect(port, '127.0.0.1').on('error', () => undefined));
    expect(await refuseOthers(socket)).toBeUndefined();
    socket.destroy();
  });

  it.runIf(isLinuxRoot)('of another user is not', async () => {
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', 'nc'];
    const socket = await arriving((port) =>
      execFile('setpriv', [...nobody, '127.0.0.1', String(port)], () => undefined),
    );
    expect(await refuseOthers(socket)).toBe(
      'a connection to the local port was refused: it is of the user with the id 65534',
    );
    socket.destroy();
  });

  it('has no owner once it is closed and only remembered', () => {
    const line = (state: string): string =>
      `   1: 0100007F:1F90 0100007F:C000 ${state} 00000000:00000000 00:00000000 00000000  1000        0 12345 1`;
    const ports = { port: 0x1f90, otherPort: 0xc000 };
    expect(findOwner(`  sl  local_address rem_address\n${line('01')}\n`, ports)).toBe(1000);
    expect(findOwner(`  sl  local_address rem_address\n${line('06')}\n`, ports)).toBeUndefined();
  });
});

describe('the line to paste', () => {
  it('points the database program at the local way', () => {
    const names = { user: "o'neill", database: 'shop' };
    expect(lineToPaste('postgres', { kind: 'port', host: '127.0.0.1', port: 49152 }, names)).toBe(
      "PGHOST=127.0.0.1 PGPORT=49152 PGUSER='o'\\''neill' PGDATABASE=shop PGSSLMODE=disable PGGSSENCMODE=disable psql",
    );
    expect(lineToPaste('mysql', { kind: 'socket', folder: '/tmp/x' }, { user: 'app', database: undefined })).toBe(
      'mariadb --socket=/tmp/x/mysql.sock --user=app',
    );
    expect(lineToPaste('ssh', { kind: 'socket', folder: '/tmp/x' }, names)).toBeUndefined();
  });
});
