/** What an answer says about who gave it. */
export interface Identity {
  readonly service: string;
  readonly version: string | null;
  /** What it said, for people: one line. */
  readonly banner: string;
  /** A hint at the operating system. */
  readonly system: string | null;
}

/** One protocol that is recognised by speaking it. Pure: bytes out, bytes in. */
export interface Probe {
  readonly service: string;
  /** Where it usually is: there it is tried first. */
  readonly ports: readonly number[];
  /** What is sent to a server that waits for its client; null: the server speaks first. */
  readonly request: Uint8Array | null;
  /** Who answered, or null if it speaks something else. */
  read(answer: Uint8Array, port: number): Identity | null;
}

/** Remote bytes as one printable line. */
export function lineOf(bytes: Uint8Array, max = 120): string {
  const text = Buffer.from(bytes).toString('latin1');
  return text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, max);
}

/** An identity of which only some is known. */
export function identity(service: string, banner: string, more: Partial<Identity> = {}): Identity {
  return { service, version: null, banner, system: systemIn(banner), ...more };
}

/** Distributions and systems that banners name. */
function systemIn(banner: string): string | null {
  return /\b(Debian|Ubuntu|Alpine|Red Hat|CentOS|Fedora|FreeBSD|OpenBSD|Windows|Raspbian)\b/i.exec(banner)?.[1] ?? null;
}
