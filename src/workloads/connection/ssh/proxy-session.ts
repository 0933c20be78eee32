import type { Socket } from 'node:net';
import ssh2, { type Connection } from 'ssh2';
import type { ChannelDuplex } from '../../workload.ts';
import type { Ending } from '../outcome.ts';
import { ProxyChannel } from './proxy-channel.ts';
import { proxyHostKey } from './proxy-host-key.ts';
import type { Ended, SshSession } from './terminal-session.ts';

/** Channels of one connection at a time: people's tools open a handful. */
const CHANNELS_MAX = 32;
/** What was said last must be taken by then. */
const FAREWELL_MS = 3_000;

/**
 * Speaks SSH with the client's own `ssh` and passes on what it asks for: shells, commands, subsystems, each recorded. Who the client is has been
 * proved by the job's signature: it is let in without a further question.
 */
export async function runProxy(init: SshSession): Promise<Ended> {
  const duplex = init.session.accept().duplex();
  const ending = await new ProxySession(init, duplex).run();
  return { ending, bytes: { bytesIn: duplex.bytesIn, bytesOut: duplex.bytesOut } };
}

class ProxySession {
  readonly #init: SshSession;
  readonly #duplex: ChannelDuplex;
  readonly #channels = new Set<ProxyChannel>();

  constructor(init: SshSession, duplex: ChannelDuplex) {
    this.#init = init;
    this.#duplex = duplex;
  }

  async run(): Promise<Ending> {
    const { guard, session, components } = this.#init;
    const hostKey = proxyHostKey(components.proxyKey(), session.record.recordId).reveal();
    const server = new ssh2.Server({ hostKeys: [hostKey], ident: 'pam-gateway' }, (client) => this.#serve(client));
    this.#duplex.on('error', () => guard.end('client-lost', 'the connection to the client was lost'));
    this.#duplex.once('close', () => guard.end('normal', 'the client closed the session'));
    const onDraining = (): void => {
      for (const channel of this.#channels) channel.tell('this gateway instance is draining: please finish');
    };
    session.draining.addEventListener('abort', onDraining, { once: true });
    // The library asks for no more of its socket than a stream has.
    server.injectSocket(this.#duplex as unknown as Socket);
    const ending = await guard.ended;
    session.draining.removeEventListener('abort', onDraining);
    await Promise.all([...this.#channels].map((channel) => channel.end(ending)));
    await this.#farewell();
    return ending;
  }

  #serve(client: Connection): void {
    const { guard, options, target } = this.#init;
    client.on('authentication', (context) => context.accept());
    client.on('error', (error) => guard.end('protocol-error', error.message));
    client.on('end', () => guard.end('normal', 'the client closed the session'));
    client.on('session', (accept, reject) => {
      if (this.#channels.size >= CHANNELS_MAX) return reject();
      const channel = new ProxyChannel(this.#init, accept(), () => this.#channels.delete(channel));
      this.#channels.add(channel);
    });
    client.on('tcpip', (accept, reject, { destIP, destPort, srcIP, srcPort }) => {
      if (!options.portForwarding) return reject();
      target.client.forwardOut(srcIP, srcPort, destIP, destPort, (error, onward) => {
        if (error !== undefined) return reject();
        const channel = accept();
        guard.touch();
        channel.on('error', () => onward.destroy());
        onward.on('error', () => channel.destroy());
        channel.pipe(onward).pipe(channel);
      });
    });
  }

  async #farewell(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, FAREWELL_MS);
    this.#duplex.once('close', resolve);
    if (this.#duplex.destroyed) resolve();
    this.#duplex.end();
    this.#duplex.resume();
    await promise;
    clearTimeout(timer);
    this.#duplex.destroy();
  }
}
