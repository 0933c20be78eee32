import type { Socket } from 'node:net';
import { readHostKey } from './host-key.ts';
import { ask, type Certificate, openPort, type Place, startTls } from './open-port.ts';
import { type Identity, identity, lineOf, type Probe } from './probe.ts';
import { PROBES } from './probes/index.ts';

/** What listens at a place. */
export interface Service extends Identity {
  readonly certificate: Certificate | null;
  /** Of an SSH server. */
  readonly hostKey: string | null;
}

/** Ports on which TLS comes before anything else: there it is tried first, elsewhere last. */
const TLS_PORTS: ReadonlySet<number> = new Set([443, 465, 636, 993, 995, 8443]);
const SPEAKING_FIRST = PROBES.filter(({ request }) => request === null);
const WAITING = PROBES.filter(({ request }) => request !== null);

/** Finds out what is spoken at an open port. Takes the connected socket over. Connects again for each protocol that has to be tried. */
export async function identify(place: Place, socket: Socket, signal: AbortSignal): Promise<Service> {
  const isTlsFirst = TLS_PORTS.has(place.port);
  if (isTlsFirst) socket.destroy();
  const plain = isTlsFirst ? null : await identifyPlain(place, socket, signal);
  if (plain !== null) return plain;
  return (await identifyTls(place, signal)) ?? (isTlsFirst ? await again(place, signal) : null) ?? unknown('', null);
}

async function again(place: Place, signal: AbortSignal): Promise<Service | null> {
  const opened = await openPort(place, signal);
  return opened.kind === 'open' ? identifyPlain(place, opened.socket, signal) : null;
}

async function identifyPlain(place: Place, socket: Socket, signal: AbortSignal): Promise<Service | null> {
  const [likely] = WAITING.filter(({ ports }) => ports.includes(place.port));
  // Where a waiting server is expected, its request goes out at once: one that speaks first has done so by the time it answers.
  const answer = await ask(socket, likely?.request ?? null, signal);
  if (answer.length > 0) {
    const found = (likely && readAnswer(likely, answer, place.port)) ?? readAny(SPEAKING_FIRST, answer, place.port);
    if (found !== null) return described(place, found, signal);
    if (likely === undefined) return unknown(lineOf(answer), null);
  }
  for (const probe of WAITING) {
    if (probe === likely || signal.aborted) continue;
    const opened = await openPort(place, signal);
    if (opened.kind !== 'open') continue;
    const found = readAnswer(probe, await ask(opened.socket, probe.request, signal), place.port);
    if (found !== null) return described(place, found, signal);
  }
  return null;
}

/** Inside TLS: what waits there, by its own name with an `s` where the world has one. */
async function identifyTls(place: Place, signal: AbortSignal): Promise<Service | null> {
  let certificate: Certificate | null = null;
  for (const probe of [WAITING.find(({ ports }) => ports.includes(place.port)), ...inside()]) {
    if (probe === undefined || signal.aborted) continue;
    const opened = await openPort(place, signal);
    if (opened.kind !== 'open') return null;
    const tls = await startTls(opened.socket, signal);
    if (tls === null) return null;
    certificate = tls.certificate;
    const answer = await ask(tls.socket, probe.request, signal);
    const found = readAnswer(probe, answer, place.port) ?? readAny(SPEAKING_FIRST, answer, place.port);
    if (found !== null) return { ...found, service: `${found.service}s`, certificate, hostKey: null };
  }
  return unknown('TLS', certificate);
}

function inside(): readonly Probe[] {
  return WAITING.filter(({ service }) => service === 'http' || service === 'ldap');
}

async function described(place: Place, found: Identity, signal: AbortSignal): Promise<Service> {
  const hostKey = found.service === 'ssh' ? await readHostKey(place, signal) : null;
  return { ...found, certificate: null, hostKey };
}

/** Who sends back what was sent (RFC 862) seems to speak every protocol whose requests look like its answers. */
function readAnswer(probe: Probe, answer: Uint8Array, port: number): Identity | null {
  const { request } = probe;
  const isEcho =
    request !== null && answer.length > 0 && Buffer.from(request).subarray(0, answer.length).equals(answer);
  return isEcho ? identity('echo', '') : probe.read(answer, port);
}

function readAny(probes: readonly Probe[], answer: Uint8Array, port: number): Identity | null {
  for (const probe of probes) {
    const found = probe.read(answer, port);
    if (found !== null) return found;
  }
  return null;
}

function unknown(banner: string, certificate: Certificate | null): Service {
  return { service: 'unknown', version: null, banner, system: null, certificate, hostKey: null };
}
