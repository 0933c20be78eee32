import type { Logger } from 'pino';
import type { Settings } from '../../config/index.ts';

/**
 * The log of `gateway start`, on stderr: JSON lines for machines, or aligned text for people. Written synchronously, so that nothing is lost or
 * out of order when the process ends, and the reason of a refusal stays the last line.
 */
export async function createLog({ logFormat, logLevel }: Pick<Settings, 'logFormat' | 'logLevel'>): Promise<Logger> {
  const { pino, stdTimeFunctions } = await import('pino');
  const options = { level: logLevel, base: null, timestamp: stdTimeFunctions.isoTime };
  if (logFormat === 'json') return pino(options, pino.destination({ fd: process.stderr.fd, sync: true }));
  const { default: pretty } = await import('pino-pretty');
  const colorize = process.stderr.isTTY === true && (process.env['NO_COLOR'] ?? '') === '';
  return pino(
    options,
    pretty({ destination: process.stderr.fd, sync: true, colorize, translateTime: 'SYS:HH:MM:ss.l' }),
  );
}
