import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIPv6 } from 'node:net';
import { GatewayError } from '../../base/errors.ts';
import { HTTP_CONNECTIONS_MAX, HTTP_REQUEST_MS } from '../bounds.ts';
import type { ControlSource } from '../control/answer.ts';
import { reportHealth } from '../reports/instance-reports.ts';
import { isLoopbackHost } from './loopback.ts';
import type { Metrics } from './metrics.ts';

/** A listening HTTP server. */
export interface HttpService {
  /** `HOST:PORT` with the port that was picked. */
  readonly address: string;
  stop(): Promise<void>;
}

/** Where to listen; port 0 picks a free one. */
export interface HttpListen {
  readonly host: string;
  readonly port: number;
}

/** What is there, for whoever opens the address in a browser. */
const INDEX = 'pam gateway instance: /health and /ready say whether it serves, /metrics is for Prometheus\n';

/**
 * Health and metrics over HTTP. It asks nobody who they are, therefore it listens on loopback only and answers only to requests that name a
 * loopback host (a web page elsewhere must not read it through a renamed address). Throws `bad-usage` or `address-in-use`.
 */
export async function startHttp(
  listen: HttpListen,
  source: Pick<ControlSource, 'port' | 'facts' | 'onBug'>,
): Promise<HttpService> {
  if (!isLoopbackHost(listen.host)) throw notLoopback(listen);
  let metrics: Promise<Metrics> | undefined;
  const loadMetrics = (): Promise<Metrics> => {
    metrics ??= import('./metrics.ts').then(({ createMetrics }) => createMetrics(source));
    return metrics;
  };
  const server = createServer(
    { requestTimeout: HTTP_REQUEST_MS, headersTimeout: HTTP_REQUEST_MS },
    (request, response) => {
      respond(request, response, source, loadMetrics).catch((error: unknown) => {
        source.onBug(error);
        if (!response.headersSent) send(response, { status: 500, body: 'internal error\n' });
      });
    },
  );
  server.maxConnections = HTTP_CONNECTIONS_MAX;
  const address = await bind(server, listen);
  return {
    address,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function bind(server: Server, listen: HttpListen): Promise<string> {
  const asked = formatHostPort(listen);
  server.listen({ host: listen.host, port: listen.port });
  try {
    await once(server, 'listening');
  } catch (cause) {
    const inUse = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
    const reason = inUse ? 'another process listens there' : cause instanceof Error ? cause.message : String(cause);
    throw new GatewayError('address-in-use', `cannot listen for HTTP on ${asked}: ${reason}`, {
      remedy: 'Choose another port with --http HOST:PORT (port 0 picks a free one), or switch it off with --http off.',
      cause,
    });
  }
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? formatHostPort({ host: listen.host, port: bound.port }) : asked;
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  source: Pick<ControlSource, 'port' | 'facts'>,
  loadMetrics: () => Promise<Metrics>,
): Promise<void> {
  if (!isLoopbackHost(hostOf(request.headers.host ?? ''))) {
    return send(response, { status: 421, body: 'ask for it by a loopback address\n' });
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return send(response, { status: 405, body: 'only GET\n', headers: { allow: 'GET, HEAD' } });
  }
  switch ((request.url ?? '/').split('?')[0]) {
    case '/':
      return send(response, { status: 200, body: INDEX });
    case '/health':
    case '/ready':
      return sendHealth(response, source);
    case '/metrics': {
      const metrics = await loadMetrics();
      const body = await metrics.collect();
      return send(response, { status: 200, body, headers: { 'content-type': metrics.contentType } });
    }
    default:
      return send(response, { status: 404, body: `nothing here: ${INDEX}` });
  }
}

/** An instance that joins, waits or drains takes no new jobs: a balancer must not choose it, so both paths say the same. */
function sendHealth(response: ServerResponse, { port, facts }: Pick<ControlSource, 'port' | 'facts'>): void {
  const health = reportHealth({ port, view: port.view(), facts });
  const body = `${JSON.stringify(health)}\n`;
  send(response, { status: health.healthy ? 200 : 503, body, headers: { 'content-type': 'application/json' } });
}

function send(
  response: ServerResponse,
  {
    status,
    body,
    headers = {},
  }: { readonly status: number; readonly body: string; readonly headers?: Readonly<Record<string, string>> },
): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(body);
}

function hostOf(header: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(header);
  return bracketed?.[1] ?? header.replace(/:\d*$/, '');
}

function formatHostPort({ host, port }: HttpListen): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

function notLoopback(listen: HttpListen): GatewayError {
  return new GatewayError(
    'bad-usage',
    `--http ${formatHostPort(listen)} is not a loopback address; health and metrics ask nobody for a key`,
    {
      remedy: 'Use --http 127.0.0.1:8099 and let a proxy on this machine authenticate callers, or --http off.',
    },
  );
}
