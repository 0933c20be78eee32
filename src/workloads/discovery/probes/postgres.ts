import { identity, type Probe } from '../probe.ts';

/** PostgreSQL: SSLRequest, which every server answers with one letter before anybody logs in (protocol documentation, 55.2.10). */
export const postgres: Probe = {
  service: 'postgres',
  ports: [5432],
  request: Uint8Array.of(0, 0, 0, 8, 4, 210, 22, 47),
  read(answer) {
    const letter = String.fromCharCode(answer[0] ?? 0);
    if (answer.length !== 1 || !'SN'.includes(letter)) return null;
    return identity('postgres', letter === 'S' ? 'PostgreSQL, with TLS' : 'PostgreSQL, without TLS');
  },
};
