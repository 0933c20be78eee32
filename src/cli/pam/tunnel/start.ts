import type { Command } from 'commander';
import type { AccessClient, Tunnel, TunnelEvent } from '../../../access/client/index.ts';
import { formatUnixMs } from '../../../base/stamp.ts';
import type { TargetRecord } from '../../../wire/record.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { parseNumber, parseText } from '../../frame/flags.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { formatBytes, formatId, printable } from '../../frame/text.ts';
import { addProfileOptions, type Connected, type ProfileOptions, withClient } from '../connection.ts';
import { namesOf, wayOf } from '../database/local-way.ts';
import { lineToPaste } from '../database/programs.ts';
import { findRecordFor } from '../find-record.ts';
import { formatTarget } from '../record/record-report.ts';
import { reasonParameter } from '../session/reason.ts';
import { registerTunnel, type TunnelReport } from './registry.ts';

interface StartOptions extends ProfileOptions {
  readonly port?: string;
  readonly host?: string;
  readonly socket?: string;
  readonly reason?: string;
  readonly plain?: boolean;
  readonly anyUser?: boolean;
  readonly verbose?: boolean;
}

const PORT_MAX = 65_535;
/** Characters of a folder's path; the system allows a socket's path fewer still. */
const PATH_LENGTH_MAX = 4096;

/** `pam tunnel start RECORD`: a local port whose connections end at the record's target. */
export function startTunnelCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'start',
    summary: 'open a local port that leads to a record; runs until Ctrl-C or pam tunnel stop',
    examples: ['pam tunnel start web-1', 'pam tunnel start db-1 -p 15432'],
  });
  return addProfileOptions(command)
    .argument('<record>', 'id or unique title')
    .option('-p, --port <PORT>', 'local port (default: a free one)')
    .option('-o, --host <HOST>', 'local address to listen on', '127.0.0.1')
    .option('--socket <FOLDER>', 'databases: a Unix socket in this folder instead of a port, for you alone')
    .option('--plain', 'databases: plain TCP, you log in yourself (default: the gateway logs in with the credential)')
    .option('--any-user', 'databases: serve every user of this machine at the port (default: you and root, on Linux)')
    .option('--reason <TEXT>', 'why, or a ticket number: stands in the recording')
    .option('--foreground', 'stay in the foreground (always so)')
    .option('-v, --verbose', 'tell of every connection')
    .action((named: string, options: StartOptions) => startTunnelOf(terminal, named, options));
}

async function startTunnelOf(terminal: Terminal, named: string, options: StartOptions): Promise<void> {
  const port = options.port === undefined ? 0 : parseNumber(options.port, { flag: '--port', min: 0, max: PORT_MAX });
  reasonParameter(options.reason);
  if (options.socket !== undefined) parseText(options.socket, { flag: '--socket', max: PATH_LENGTH_MAX });
  await withClient(terminal, options, async (connected) => {
    const record = await findRecordFor(connected, { named, kind: 'tunnel' }, terminal.signal);
    await serve(terminal, connected, { record, port, options });
  });
}

async function serve(
  terminal: Terminal,
  { client, profile }: Connected,
  { record, port, options }: { readonly record: TargetRecord; readonly port: number; readonly options: StartOptions },
): Promise<void> {
  const { openTunnel } = await import('./open-tunnel.ts');
  const told = new Told(terminal, options.verbose === true);
  const onEvent = (event: TunnelEvent): void => told.take(event);
  const { tunnel, isBrokered } = await openTunnel(terminal, { client, record, port, options, onEvent });
  const stopped = Promise.withResolvers<void>();
  terminal.signal.addEventListener('abort', () => stopped.resolve(), { once: true });
  const startedAt = formatUnixMs(Date.now());
  const tunnelId = tunnel.jobId();
  const report = (): TunnelReport => ({
    ...describeTunnel(tunnel, tunnelId, record),
    ...told.counts(),
    gateway: profile.gateway.name,
    startedAt,
    processId: process.pid,
  });
  const registration = await registerTunnel(tunnelId, { report, stop: () => stopped.resolve() });
  try {
    await announce(terminal, { tunnel, isBrokered, record, client, json: options.json === true });
    await stopped.promise;
  } finally {
    await tunnel.stop();
    await registration.stop();
  }
  if (options.json !== true) terminal.note(told.summary());
}

function describeTunnel(tunnel: Tunnel, tunnelId: string, record: TargetRecord) {
  return {
    tunnelId,
    jobId: tunnel.jobId(),
    record: record.recordId,
    title: record.title,
    target: formatTarget(record),
    listening: tunnel.listening,
    worker: tunnel.worker(),
    connections: tunnel.connections(),
  };
}

interface Announcement {
  readonly tunnel: Tunnel;
  readonly isBrokered: boolean;
  readonly record: TargetRecord;
  readonly client: AccessClient;
  readonly json: boolean;
}

function howToConnect(tunnel: Tunnel, record: TargetRecord): string {
  return `No password is needed: ${lineToPaste(record.protocol, wayOf(tunnel), namesOf(record)) ?? tunnel.listening}`;
}

/** The one line, or document, that says it is ready: whoever started the tunnel from a program waits for it. */
async function announce(terminal: Terminal, { tunnel, isBrokered, record, client, json }: Announcement): Promise<void> {
  const { listening } = tunnel;
  const { instanceId: entry } = await client.welcome(terminal.signal);
  if (json) {
    const { recordId, title } = record;
    const document = {
      jobId: tunnel.jobId(),
      listening,
      record: recordId,
      worker: tunnel.worker(),
      title,
      target: formatTarget(record),
      entry,
      loggedInBy: isBrokered ? 'gateway' : 'you',
    };
    return terminal.printJson(document, { line: true });
  }
  const way = `${printable(record.title)} (${formatTarget(record)})`;
  terminal.print(
    `Listening on ${listening} → ${way}, tunnel ${tunnel.jobId()}, worker ${formatId(tunnel.worker(), false)}`,
  );
  if (isBrokered) terminal.note(howToConnect(tunnel, record));
  terminal.note('Ctrl-C stops it. Each connection is placed on its own: gateway debug jobs shows where.');
}

/** Counts what happens to the tunnel's connections and tells what a person wants to know at once. */
class Told {
  readonly #terminal: Terminal;
  readonly #verbose: boolean;
  #total = 0;
  #failed = 0;
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(terminal: Terminal, verbose: boolean) {
    this.#terminal = terminal;
    this.#verbose = verbose;
  }

  take(event: TunnelEvent): void {
    switch (event.kind) {
      case 'connection-opened':
        this.#total += 1;
        return this.#detail(`connection ${event.jobId} on ${formatId(event.worker, false)}`);
      case 'connection-closed':
        this.#bytesIn += event.bytesIn;
        this.#bytesOut += event.bytesOut;
        return this.#detail(
          `connection ${event.jobId} closed: ${formatBytes(event.bytesIn)} in, ${formatBytes(event.bytesOut)} out`,
        );
      case 'connection-failed':
        this.#failed += 1;
        return this.#terminal.note(`connection failed: ${event.failure.code}: ${printable(event.failure.message)}`);
      case 'lease-lost':
        return this.#terminal.note(
          'the registration of the tunnel has ended, with its instance or with the grant; registering anew',
        );
      case 'lease-renewed':
        return this.#terminal.note(`registered anew: job ${event.jobId} on ${formatId(event.worker, false)}`);
    }
  }

  counts(): Pick<TunnelReport, 'connectionsTotal' | 'connectionsFailed' | 'bytesIn' | 'bytesOut'> {
    return {
      connectionsTotal: this.#total,
      connectionsFailed: this.#failed,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
    };
  }

  summary(): string {
    return `stopped: ${this.#total} connections, ${this.#failed} failed, ${formatBytes(this.#bytesIn)} in, ${formatBytes(this.#bytesOut)} out`;
  }

  #detail(text: string): void {
    if (this.#verbose) this.#terminal.note(text);
  }
}
