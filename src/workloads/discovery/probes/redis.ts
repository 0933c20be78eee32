import { identity, lineOf, type Probe } from '../probe.ts';

/** Redis and its kin: INFO as an inline command; one that wants a password says so. */
export const redis: Probe = {
  service: 'redis',
  ports: [6379],
  request: Buffer.from('INFO server\r\n'),
  read(answer) {
    const text = Buffer.from(answer).toString('latin1');
    const version = /redis_version:([\w.]+)/.exec(text)?.[1] ?? null;
    if (version !== null) return identity('redis', `Redis ${version}, without password`, { version });
    return /^-(NOAUTH|DENIED|ERR)/.test(text) && /authent|Redis|protected|INFO/i.test(text)
      ? identity('redis', lineOf(answer))
      : null;
  },
};
