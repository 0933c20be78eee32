import { GatewayError } from '../base/errors.ts';

/** Pure: which ports are looked at. */

/** Where the services are that people reach through a gateway. */
export const COMMON_PORTS: readonly number[] = [
  21, 22, 23, 25, 80, 110, 139, 143, 389, 443, 445, 587, 636, 993, 995, 1433, 1521, 2222, 3306, 3389, 5432, 5900, 5901,
  5985, 6379, 8000, 8080, 8443, 9000, 9200, 27017,
];
/** Ports of one discovery. */
export const PORTS_MAX = 1024;

/** Reads `common`, `22,80,8000-8100`, or both. Throws `bad-usage`. */
export function parsePorts(text: string): readonly number[] {
  const ports = new Set<number>();
  for (const part of text.split(',')) for (const port of portsOf(part, text)) ports.add(port);
  if (ports.size <= PORTS_MAX) return [...ports].sort((left, right) => left - right);
  throw new GatewayError('bad-usage', `--ports: ${ports.size} ports; at most ${PORTS_MAX} at a time`);
}

function portsOf(part: string, text: string): readonly number[] {
  if (part === 'common') return COMMON_PORTS;
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
  const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
  if (match === null || first < 1 || last > 65_535 || first > last)
    throw new GatewayError(
      'bad-usage',
      `--ports: "${part.slice(0, 32)}" in "${text.slice(0, 64)}" is no port or range`,
      {
        remedy: 'Write for example common, 22,5432 or 8000-8100.',
      },
    );
  if (last - first >= PORTS_MAX)
    throw new GatewayError('bad-usage', `--ports: ${last - first + 1} ports; at most ${PORTS_MAX} at a time`);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
