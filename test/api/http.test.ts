/** Health and metrics as a balancer, a scraper and a browser meet them. */

import { request } from 'node:http';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type ControlSource, type HttpService, startHttp } from '../../src/api/index.ts';
import type { MemberState } from '../../src/wire/member-record.ts';
import { portOf, sourceOf, VIEW } from './pool.ts';

const services: HttpService[] = [];

afterEach(async () => {
  for (const service of services.splice(0)) await service.stop();
});

async function serve(changes: Partial<ControlSource> = {}): Promise<string> {
  const service = await startHttp({ host: '127.0.0.1', port: 0 }, sourceOf('/nowhere', changes));
  services.push(service);
  return service.address;
}

interface Got {
  readonly status: number;
  readonly body: string;
  readonly type: string;
}

function get(
  address: string,
  path: string,
  options: { readonly method?: string; readonly host?: string } = {},
): Promise<Got> {
  const { method = 'GET', host = address } = options;
  return new Promise((resolve, reject) => {
    const sent = request(`http://${address}${path}`, { method, headers: { host }, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body, type: response.headers['content-type'] ?? '' }),
      );
    });
    sent.on('error', reject).end();
  });
}

function inState(state: MemberState): Partial<ControlSource> {
  return { port: portOf({ view: () => ({ ...VIEW, state }) }) };
}

describe('health', () => {
  it.each(['/health', '/ready', '/health?verbose'])(
    'answers %s with 200 while the instance is admitted',
    async (path) => {
      const { status, body, type } = await get(await serve(), path);
      expect(status).toBe(200);
      expect(type).toBe('application/json');
      expect(JSON.parse(body)).toMatchObject({
        healthy: true,
        state: 'admitted',
        name: 'gw-a',
        gateway: { name: 'prod-eu' },
      });
    },
  );

  it.each(['candidate', 'standby', 'draining', 'left'] as const)(
    'answers 503 with the reason in state %s',
    async (state) => {
      const { status, body } = await get(await serve(inState(state)), '/health');
      expect(status).toBe(503);
      expect(JSON.parse(body)).toMatchObject({ healthy: false, state });
      expect(JSON.parse(body).reason).not.toBe('');
    },
  );
});

describe('metrics', () => {
  it('tells the pool, the load and the process in the format of Prometheus', async () => {
    const { status, body, type } = await get(await serve(), '/metrics');
    expect(status).toBe(200);
    expect(type).toContain('text/plain');
    for (const line of [
      /^pam_members\{state="admitted",.*\} 2$/m,
      /^pam_members\{state="dead",.*\} 1$/m,
      /^pam_seats_held\{.*\} 3$/m,
      /^pam_limit_max_instances\{.*\} 2$/m,
      /^pam_limit_version\{.*\} 7$/m,
      /^pam_load_per_mille\{.*\} 420$/m,
      /^pam_sessions\{kind="tunnel",.*\} 21$/m,
      /^pam_jobs\{state="failed",.*\} 1$/m,
      /^pam_links\{.*\} 2$/m,
      /^pam_gossip_mesh_peers\{.*\} 2$/m,
      /^process_resident_memory_bytes\{/m,
    ]) {
      expect(body).toMatch(line);
    }
  });

  it('does not add up over scrapes', async () => {
    const address = await serve();
    await get(address, '/metrics');
    expect((await get(address, '/metrics')).body).toMatch(/^pam_jobs\{state="running",.*\} 1$/m);
  });
});

describe('everything else', () => {
  it('says in one line what is there', async () => {
    const { status, body } = await get(await serve(), '/');
    expect(status).toBe(200);
    expect(body.trimEnd().split('\n')).toHaveLength(1);
  });

  it('is not found', async () => {
    expect((await get(await serve(), '/admin')).status).toBe(404);
  });

  it('only reads', async () => {
    expect((await get(await serve(), '/health', { method: 'POST' })).status).toBe(405);
  });

  it('is not told to a page that reaches it by another name', async () => {
    expect((await get(await serve(), '/metrics', { host: 'evil.example.com' })).status).toBe(421);
    expect((await get(await serve(), '/metrics', { host: 'localhost:8099' })).status).toBe(200);
  });

  it('reports a bug in an answer and goes on', async () => {
    const bugs: unknown[] = [];
    let broken = true;
    const view = () => {
      if (broken) throw new Error('broken view');
      return VIEW;
    };
    const address = await serve({ port: portOf({ view }), onBug: (error) => void bugs.push(error) });
    expect((await get(address, '/health')).status).toBe(500);
    broken = false;
    expect((await get(address, '/health')).status).toBe(200);
    expect(bugs).toHaveLength(1);
  });
});

describe('where it listens', () => {
  it.each(['0.0.0.0', '::', '192.0.2.1', 'gateway.example.com', '127.0.0.1.example.com'])(
    'refuses %s, which is not loopback',
    async (host) => {
      const started = startHttp({ host, port: 0 }, sourceOf('/nowhere'));
      await expect(started).rejects.toMatchObject({ code: 'bad-usage', message: expect.stringContaining(host) });
    },
  );

  it('names a port that is taken and what to do', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      await expect(startHttp({ host: '127.0.0.1', port }, sourceOf('/nowhere'))).rejects.toMatchObject({
        code: 'address-in-use',
        message: expect.stringContaining(`127.0.0.1:${port}`),
        remedy: expect.stringContaining('--http off'),
      });
    } finally {
      taken.close();
    }
  });
});
