import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeSftp, NO_ATTRIBUTES, SftpOpen, SftpReplies, SftpType } from '../../../../src/wire/sftp.ts';
import { FileLog } from '../../../../src/workloads/connection/ssh/file-log.ts';

const handle = Buffer.from('h1');
const open = (id: number, path: string, flags: number) =>
  encodeSftp(SftpType.open, id, [path, { uint32: flags }, NO_ATTRIBUTES]);
const write = (id: number, bytes: number) =>
  encodeSftp(SftpType.write, id, [handle, { uint64: 0 }, Buffer.alloc(bytes, 'x')]);
const status = (id: number, code: number) => encodeSftp(SftpType.status, id, [{ uint32: code }, 'said', '']);
const opened = (id: number) => encodeSftp(SftpType.handle, id, [handle]);
const data = (id: number, bytes: number) => encodeSftp(SftpType.data, id, [Buffer.alloc(bytes, 'y')]);

/** A conversation: what the client says, and what the target answers. */
const CONVERSATION: readonly (readonly [from: 'client' | 'target', bytes: Buffer])[] = [
  ['client', encodeSftp(SftpType.init, 3, [])],
  ['target', encodeSftp(SftpType.version, 3, ['posix-rename@openssh.com', '1'])],
  ['client', open(1, '/srv/a', SftpOpen.write | SftpOpen.create)],
  ['target', opened(1)],
  ['client', Buffer.concat([write(2, 30_000), write(3, 5)])],
  ['target', Buffer.concat([status(2, 0), status(3, 4)])],
  ['client', encodeSftp(SftpType.close, 4, [handle])],
  ['target', status(4, 0)],
  ['client', encodeSftp(SftpType.extended, 5, ['posix-rename@openssh.com', '/srv/a', '/srv/b'])],
  ['target', status(5, 0)],
  ['client', encodeSftp(SftpType.remove, 6, ['/srv/not-there'])],
  ['target', status(6, 2)],
  ['client', open(7, '/etc/\u001b]0;x', SftpOpen.read)],
  ['target', opened(7)],
  ['client', encodeSftp(SftpType.read, 8, [handle, { uint64: 0 }, { uint32: 32_768 }])],
  ['target', data(8, 12_345)],
];
const EXPECTED = [
  '/srv/a: written 30000 bytes',
  'renamed /srv/a to /srv/b',
  '/etc/ ]0;x: read 12345 bytes, not closed',
];

describe('what is noted of files', () => {
  it('is what was done, wherever the packets are cut', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40_000 }), (size) => {
        const lines: string[] = [];
        const log = new FileLog((line) => lines.push(line));
        for (const [from, bytes] of CONVERSATION) {
          for (let at = 0; at < bytes.length; at += size) {
            const piece = bytes.subarray(at, at + size);
            if (from === 'client') log.fromClient(piece);
            else log.fromTarget(piece);
          }
        }
        log.end();
        expect(lines).toEqual(EXPECTED);
      }),
      { numRuns: 30 },
    );
  });

  it('ends the session where it cannot be followed', () => {
    const log = (): FileLog => new FileLog(() => undefined);
    expect(() => log().fromClient(Buffer.alloc(64))).toThrow('an empty packet is no SFTP');
    expect(() => log().fromClient(encodeSftp(SftpType.open, 1, []))).toThrow('cut off');
    expect(() => {
      const flooded = log();
      for (let id = 0; id < 20_000; id++) flooded.fromClient(write(id, 1));
    }).toThrow('too many requests without an answer');
  });

  it('needs no well-formed bytes to stay in its bounds', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 20 }), (chunks) => {
        const log = new FileLog(() => undefined);
        const replies = new SftpReplies();
        for (const chunk of chunks) {
          for (const look of [
            () => log.fromClient(chunk),
            () => log.fromTarget(chunk),
            () => replies.take(Buffer.from(chunk)),
          ]) {
            try {
              look();
            } catch (error) {
              expect(error).toMatchObject({ code: 'bad-message' });
            }
          }
        }
      }),
    );
  });
});
