/** A certificate authority of the test's own, and certificates for servers on loopback. */

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files of a server's key and certificate, and of the authority that signed it. */
export interface ServerCertificate {
  readonly caFile: string;
  readonly keyFile: string;
  readonly certificateFile: string;
  /** The authority's certificate, in PEM. */
  readonly ca: string;
}

/** Makes an authority, and a certificate of it for `localhost`, 127.0.0.1 and whatever else is named, in the folder. */
export function makeCertificates(
  folder: string,
  names: readonly string[] = ['DNS:localhost', 'IP:127.0.0.1'],
): ServerCertificate {
  const file = (name: string): string => join(folder, name);
  const openssl = (...words: readonly string[]): void => {
    execFileSync('openssl', words, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...curve,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '2',
    '-subj',
    '/CN=authority of the test',
  );
  openssl('req', ...curve, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=server of the test');
  writeFileSync(file('server.ext'), `subjectAltName=${names.join(',')}\n`);
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'server.ext', '-days', '2'];
  openssl('x509', '-req', '-in', 'server.csr', '-out', 'server.pem', ...signed);
  return {
    caFile: file('ca.pem'),
    keyFile: file('server.key'),
    certificateFile: file('server.pem'),
    ca: readFileSync(file('ca.pem'), 'utf8'),
  };
}
