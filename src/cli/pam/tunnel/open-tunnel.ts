import type { AccessClient, Tunnel, TunnelInit } from '../../../access/client/index.ts';
import { type ErrorCode, GatewayError } from '../../../base/errors.ts';
import type { TargetRecord } from '../../../wire/record.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { printable } from '../../frame/text.ts';
import { assertLoopback, listenInFolder } from '../database/local-way.ts';
import { refuseOthers } from '../database/own-connections.ts';
import { programsOf } from '../database/programs.ts';

/** Which tunnel to open. */
export interface OpenTunnelInit {
  readonly client: AccessClient;
  readonly record: TargetRecord;
  readonly port: number;
  readonly options: {
    readonly host?: string;
    readonly socket?: string;
    readonly reason?: string;
    readonly plain?: boolean;
    readonly anyUser?: boolean;
  };
  readonly onEvent: NonNullable<TunnelInit['onEvent']>;
}

/** Reasons to open a plain tunnel after all: the record holds no credential, only tunnels are granted, or the instances are older. */
const PLAIN_AFTER: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['credential-missing', 'not-allowed', 'not-supported']);

/**
 * A tunnel to a database is one in which the gateway logs in, unless the person wants to, or has to. Throws `bad-usage` for flags that do not fit, and what the
 * gateway says.
 */
export async function openTunnel(
  terminal: Terminal,
  init: OpenTunnelInit,
): Promise<{ readonly tunnel: Tunnel; readonly isBrokered: boolean }> {
  const { client, record, port, options, onEvent } = init;
  const { startTunnel } = await import('../../../access/client/index.ts');
  const host = options.host === undefined ? {} : { host: options.host };
  const reason = options.reason === undefined ? {} : { reason: options.reason };
  const plain: TunnelInit = { client, recordId: record.recordId, port, ...host, ...reason, onEvent };
  const programs = programsOf(record.protocol);
  if (programs === undefined || options.plain === true) {
    refuseFlag(options.socket !== undefined, '--socket');
    refuseFlag(options.anyUser === true, '--any-user');
    return { tunnel: await startTunnel(plain, terminal.signal), isBrokered: false };
  }
  if (options.host !== undefined) assertLoopback(options.host);
  const isShared = options.socket !== undefined || options.anyUser === true;
  const brokered: TunnelInit = {
    ...plain,
    kind: 'connection',
    protocol: record.protocol,
    ...(isShared ? {} : { refuse: refuseOthers }),
    ...(options.socket === undefined ? {} : listenInFolder(options.socket, programs.socketName)),
  };
  try {
    return { tunnel: await startTunnel(brokered, terminal.signal), isBrokered: true };
  } catch (error) {
    if (!(error instanceof GatewayError) || !PLAIN_AFTER.has(error.code) || options.socket !== undefined) throw error;
    const tunnel = await startTunnel(plain, terminal.signal);
    terminal.note(`Plain tunnel, you log in yourself: ${printable(error.message)}`);
    return { tunnel, isBrokered: false };
  }
}

function refuseFlag(isGiven: boolean, flag: string): void {
  if (!isGiven) return;
  throw new GatewayError('bad-usage', `${flag} is for databases into which the gateway logs in`, {
    remedy: 'Leave it out.',
  });
}
