import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { isIPv4 } from 'node:net';

/**
 * Every user of a machine can connect to its loopback ports, and a port that needs no password would let them all in. Linux tells whose a connection is:
 * only those of the user who opened the port, and of root, are served.
 */

/** Why the connection is not served; undefined: it is this user's, or the system does not tell whose it is. */
export async function refuseOthers(socket: Socket): Promise<string | undefined> {
  const self = process.getuid?.();
  if (process.platform !== 'linux' || self === undefined) return undefined;
  const owner = await ownerOf(socket);
  if (owner === self || owner === 0) return undefined;
  const whose = owner === undefined ? 'whose it is cannot be told' : `it is of the user with the id ${owner}`;
  return `a connection to the local port was refused: ${whose}`;
}

/** User id of the process at the other end of a connection of this machine; undefined if it is not of this machine, or gone. */
async function ownerOf({ remoteAddress, remotePort, localPort }: Socket): Promise<number | undefined> {
  if (remoteAddress === undefined || remotePort === undefined || localPort === undefined) return undefined;
  const file = isIPv4(remoteAddress) ? '/proc/net/tcp' : '/proc/net/tcp6';
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    const owner = findOwner(await readFile(file, 'utf8'), { port: remotePort, otherPort: localPort });
    if (owner !== undefined) return owner;
  }
  return undefined;
}

/** The kernel writes the table piece by piece while connections come and go, and may leave one out. */
const LOOKS_MAX = 3;

/** Fields of a line: number, local address, remote address, state, queues, timer, retransmissions, user id. Source: proc(5). */
const [LOCAL, REMOTE, STATE, OWNER] = [1, 2, 3, 7];
/** A closed connection that the kernel remembers belongs to nobody. */
const TIME_WAIT = '06';

/** The owner of the end of a loopback connection that has `port`. */
export function findOwner(
  table: string,
  { port, otherPort }: { readonly port: number; readonly otherPort: number },
): number | undefined {
  for (const line of table.split('\n')) {
    const fields = line.trim().split(/\s+/);
    if (portIn(fields[LOCAL ?? 1]) !== port || portIn(fields[REMOTE ?? 2]) !== otherPort) continue;
    if (fields[STATE ?? 3] !== TIME_WAIT) return Number(fields[OWNER ?? 7]);
  }
  return undefined;
}

/** `0100007F:1F90` */
function portIn(address: string | undefined): number {
  return Number.parseInt(address?.split(':')[1] ?? '', 16);
}
