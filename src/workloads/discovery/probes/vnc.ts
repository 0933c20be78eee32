import { identity, lineOf, type Probe } from '../probe.ts';

/** VNC: the protocol version that the server offers first (RFC 6143 §7.1.1). */
export const vnc: Probe = {
  service: 'vnc',
  ports: [5900, 5901],
  request: null,
  read(answer) {
    const match = /^RFB (\d{3}\.\d{3})/.exec(lineOf(answer));
    return match === null ? null : identity('vnc', lineOf(answer), { version: match[1] ?? null });
  },
};
