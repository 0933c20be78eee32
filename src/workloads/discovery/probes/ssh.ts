import { identity, lineOf, type Probe } from '../probe.ts';

/** SSH: the identification string (RFC 4253 §4.2). */
export const ssh: Probe = {
  service: 'ssh',
  ports: [22, 2222],
  request: null,
  read(answer) {
    const match = /SSH-[\d.]+-(\S+)( [^\r\n]*)?/.exec(Buffer.from(answer).toString('latin1'));
    if (match === null) return null;
    return identity('ssh', lineOf(answer), { version: (match[1] ?? '').replace('_', ' ') });
  },
};
