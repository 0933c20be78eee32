/** Real servers, and some that only say what others would, at addresses of the loopback network: found, rightly named, compared with nmap. */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { connect, createServer, type Server } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseRange } from '../../../src/base/ipv4-range.ts';
import { compareRuns } from '../../../src/workloads/discovery/delta.ts';
import { type Found, scan } from '../../../src/workloads/discovery/scan.ts';
import { ldapMissing, startLdap } from '../../e2e/targets/ldap-server.ts';
import { linuxServerMissing, startLinuxServer } from '../../e2e/targets/linux-server.ts';
import { mariadbMissing, startMariadb } from '../../e2e/targets/mariadb-server.ts';
import { postgresMissing, startPostgres } from '../../e2e/targets/postgres-server.ts';

const NETWORK = '127.77.5';
const RANGE = parseRange(`${NETWORK}.1-${NETWORK}.250`) ?? { first: 0, last: 0 };
const missing = [postgresMissing(), mariadbMissing(), ldapMissing(), linuxServerMissing()].find(
  (why) => why !== undefined,
);

interface Placed {
  readonly host: string;
  readonly port: number;
  readonly service: string;
  /** What nmap calls it. */
  readonly nmap: RegExp;
}

describe.skipIf(missing !== undefined)('a discovery of 250 addresses', { timeout: 120_000 }, () => {
  const placed: Placed[] = [];
  const closers: (() => unknown)[] = [];
  let found: readonly Found[] = [];
  let seconds = 0;

  async function place(host: number, port: number, service: string, nmap: RegExp, server: Server): Promise<void> {
    server.listen(port, `${NETWORK}.${host}`);
    await once(server, 'listening');
    closers.push(() => server.close());
    placed.push({ host: `${NETWORK}.${host}`, port, service, nmap });
  }

  beforeAll(async () => {
    const [postgres, mariadb, ldap, linux] = await Promise.all([
      startPostgres(),
      startMariadb(),
      startLdap(),
      startLinuxServer(),
    ]);
    closers.push(() => Promise.all([postgres.stop(), mariadb.stop(), ldap.stop(), linux.stop()]));
    const tls = {
      key: readFileSync(postgres.certificate.keyFile),
      cert: readFileSync(postgres.certificate.certificateFile),
    };
    const page = (
      _request: unknown,
      response: { end(text: string): void; setHeader(name: string, value: string): void },
    ) => {
      response.setHeader('Server', 'test/1.0');
      response.end('<title>Hello</title>');
    };
    const to = (port: number): Server => forwarder(port);
    await place(3, 22, 'ssh', /^ssh$/, to(linux.port));
    await place(4, 2222, 'ssh', /^ssh$/, to(linux.port));
    await place(5, 8080, 'ssh', /^ssh$/, to(linux.port));
    await place(20, 5432, 'postgres', /^postgresql$/, to(postgres.port));
    await place(21, 9000, 'postgres', /^postgresql$/, to(postgres.port));
    await place(30, 3306, 'mysql', /^mysql$/, to(mariadb.port));
    await place(31, 8000, 'mysql', /^mysql$/, to(mariadb.port));
    await place(40, 389, 'ldap', /^ldap$/, to(ldap.port));
    await place(41, 9200, 'ldap', /^ldap$/, to(ldap.port));
    await place(50, 80, 'http', /^http$/, createHttp(page));
    await place(51, 3389, 'http', /^http$/, createHttp(page));
    await place(52, 443, 'https', /^http/, createHttps(tls, page));
    await place(53, 5900, 'https', /^http/, createHttps(tls, page));
    await place(60, 25, 'smtp', /^smtp$/, greeter('220 mail.example.org ESMTP Postfix (Debian)\r\n'));
    await place(61, 21, 'ftp', /^ftp$/, greeter('220 (vsFTPd 3.0.3)\r\n'));
    await place(62, 110, 'pop3', /^pop3$/, greeter('+OK Dovecot ready.\r\n'));
    await place(63, 143, 'imap', /^imap$/, greeter('* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n'));
    await place(64, 5901, 'vnc', /^vnc$/, greeter('RFB 003.008\n'));
    await place(65, 23, 'telnet', /^telnet$/, greeter(Buffer.from('fffd18fffd20fffd23fffd27', 'hex')));
    await place(66, 6379, 'redis', /^redis$/, answering(/INFO|PING/i, '-NOAUTH Authentication required.\r\n'));
    await place(
      67,
      7007,
      'echo',
      /^echo$/,
      createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket)),
    );
    const ports = [...new Set(placed.map(({ port }) => port))];
    const watch = { signal: new AbortController().signal, atMs: () => performance.now(), onProgress: () => undefined };
    const beganMs = performance.now();
    found = (await scan({ ranges: [RANGE], ports, ratePerSecond: 2000, part: null }, watch)).services;
    seconds = (performance.now() - beganMs) / 1000;
  }, 120_000);
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
  });

  it('finds all 21 services, and nothing else', () => {
    const at = ({ host, port }: { host: string; port: number }): string => `${host}:${port}`;
    expect(found.map(at).sort()).toEqual(placed.map(at).sort());
  });

  it('names each of them rightly, also at ports of others', () => {
    const named = new Map(found.map(({ host, port, service }) => [`${host}:${port}`, service]));
    expect(Object.fromEntries(named)).toEqual(
      Object.fromEntries(placed.map(({ host, port, service }) => [`${host}:${port}`, service])),
    );
  });

  it('reads versions, host keys and certificates', () => {
    const of = (service: string): Found | undefined => found.find((one) => one.service === service);
    expect(of('ssh')).toMatchObject({
      version: expect.stringMatching(/^OpenSSH /),
      hostKey: expect.stringMatching(/^SHA256:/),
    });
    expect(of('mysql')?.version).toContain('MariaDB');
    expect(of('http')).toMatchObject({ version: 'test/1.0', banner: expect.stringContaining('Hello') });
    expect(of('https')?.certificate).toMatchObject({ sha256: expect.stringMatching(/^[0-9A-F:]{95}$/) });
    expect(of('smtp')).toMatchObject({ version: 'Postfix', system: 'Debian' });
  });

  // Takes a minute: a measurement, not a condition.
  if (process.env['PAM_COMPARE_NMAP'] === '1') {
    it('names at least as many rightly as nmap', { timeout: 300_000 }, async () => {
      const hosts = placed.map(({ host }) => host);
      await place(
        67,
        7007,
        'echo',
        /^echo$/,
        createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket)),
      );
      const ports = [...new Set(placed.map(({ port }) => port))].join(',');
      const beganMs = performance.now();
      const args = ['-sT', '-sV', '-Pn', '-n', '-T4', '-p', ports, '-oG', '-', ...hosts];
      const { stdout } = await promisify(execFile)('nmap', args);
      const nmapSeconds = (performance.now() - beganMs) / 1000;
      const right = placed.filter(({ host, port, nmap }) => {
        const line = stdout.split('\n').find((one) => one.includes(`Host: ${host} `) && one.includes('Ports:')) ?? '';
        const service = new RegExp(`\\b${port}/open/tcp//([^/]*)/`).exec(line)?.[1] ?? '';
        return nmap.test(service.replace('ssl|', ''));
      });
      console.log(
        `discovery: 20 of 20 in ${seconds.toFixed(1)} s over 250 addresses; nmap -sV: ${right.length} of 20 in ${nmapSeconds.toFixed(1)} s over the 20 addresses with services`,
      );
      expect(placed.length).toBeGreaterThanOrEqual(right.length);
    });
  }

  it('tells what has changed since the last time', () => {
    const [first, second, ...rest] = found;
    if (first === undefined || second === undefined) throw new Error('nothing was found');
    const before = [{ ...first, version: 'older' }, { ...second, port: 1 }, ...rest];
    const { added, changed, gone } = compareRuns(before, found);
    expect([added, changed, gone].map((list) => list.map(({ host, port }) => `${host}:${port}`))).toEqual([
      [`${second.host}:${second.port}`],
      [`${first.host}:${first.port}`],
      [`${second.host}:1`],
    ]);
  });
});

describe('the pace of a scan', () => {
  it('is kept, and a cancelled one ends at once', async () => {
    const gone = new AbortController();
    const scope = { ranges: [parseRange('127.77.6.0/24') ?? RANGE], ports: [4711], ratePerSecond: 100, part: null };
    let last = { tried: 0, total: 0, hostsUp: 0, found: 0 };
    const beganMs = performance.now();
    const scanning = scan(scope, {
      signal: gone.signal,
      atMs: () => performance.now(),
      onProgress: (progress) => {
        last = progress;
        if (progress.tried === 50) gone.abort();
      },
    });
    await expect(scanning).rejects.toMatchObject({ code: 'cancelled' });
    // Fifty at a hundred per second; a burst would have been over at once.
    expect(performance.now() - beganMs).toBeGreaterThan(400);
    expect(last).toMatchObject({ total: 256, found: 0 });
    expect(last.hostsUp).toBeGreaterThan(0);
  });
});

/** Another server at another address. */
function forwarder(port: number): Server {
  return createServer((socket) => {
    const onward = connect(port, '127.0.0.1');
    for (const end of [socket, onward]) end.on('error', () => undefined);
    socket.pipe(onward).pipe(socket);
    socket.on('close', () => onward.destroy());
    onward.on('close', () => socket.destroy());
  });
}

function greeter(greeting: string | Buffer): Server {
  return createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(greeting);
  });
}

function answering(pattern: RegExp, answer: string): Server {
  return createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      if (pattern.test(chunk.toString('latin1'))) socket.write(answer);
    });
  });
}
