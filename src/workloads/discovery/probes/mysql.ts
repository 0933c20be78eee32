import { identity, lineOf, type Probe } from '../probe.ts';

/** MySQL and MariaDB: the initial handshake packet, version 10, or the error packet of a server that does not want this host. */
export const mysql: Probe = {
  service: 'mysql',
  ports: [3306],
  request: null,
  read(answer) {
    const [, , , sequence, kind] = answer;
    if (answer.length < 8 || sequence !== 0) return null;
    if (kind === 0xff && /Host|MariaDB|MySQL/.test(lineOf(answer))) return identity('mysql', lineOf(answer.slice(7)));
    if (kind !== 10) return null;
    const end = answer.indexOf(0, 5);
    const version = lineOf(answer.slice(5, end < 0 ? undefined : end)).replace(/^5\.5\.5-/, '');
    return /^\d+\./.test(version) ? identity('mysql', version, { version }) : null;
  },
};
