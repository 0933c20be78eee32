import { identity, lineOf, type Probe } from '../probe.ts';

/** HTTP: the answer to a request for the first page; HTTP/1.0, so that the server closes. */
export const http: Probe = {
  service: 'http',
  ports: [80, 443, 5985, 8000, 8080, 8443, 9000, 9200],
  request: Buffer.from('GET / HTTP/1.0\r\nUser-Agent: pam-gateway-discovery\r\nAccept: */*\r\n\r\n'),
  read(answer) {
    const text = Buffer.from(answer).toString('latin1');
    if (!/^HTTP\/\d/.test(text)) return null;
    const status = lineOf(answer.slice(0, Math.max(0, text.search(/\r?\n/))));
    const server = /^server: *([^\r\n]*)/im.exec(text)?.[1]?.slice(0, 100) ?? null;
    const title = /<title>([^<]{0,80})/i.exec(text)?.[1]?.trim();
    const banner = lineOf(Buffer.from([status, server, title].filter(Boolean).join(' | '), 'latin1'));
    return identity('http', banner, { version: server });
  },
};
