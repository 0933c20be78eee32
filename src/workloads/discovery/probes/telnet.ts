import { identity, lineOf, type Probe } from '../probe.ts';

const IAC = 0xff;

/** Telnet: options that the server negotiates first (RFC 854). */
export const telnet: Probe = {
  service: 'telnet',
  ports: [23],
  request: null,
  read(answer) {
    const [first, command = 0] = answer;
    if (first !== IAC || command < 0xfa || command > 0xfe) return null;
    const words = answer.slice(answer.lastIndexOf(IAC) + 3);
    return identity('telnet', lineOf(words));
  },
};
