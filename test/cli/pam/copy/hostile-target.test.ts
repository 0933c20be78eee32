import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CopyComponents } from '../../../../src/cli/pam/copy/copier.ts';
import { download } from '../../../../src/cli/pam/copy/download.ts';
import { SftpClient } from '../../../../src/cli/pam/copy/sftp-client.ts';
import { encodeSftp, NO_ATTRIBUTES, SftpReader, SftpType } from '../../../../src/wire/sftp.ts';

const FOLDER = { ...NO_ATTRIBUTES, mode: 0o040755 };
const FILE = { ...NO_ATTRIBUTES, mode: 0o100644, sizeBytes: 4 };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pam-hostile-'));
  mkdirSync(join(folder, 'inside'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A target whose one folder holds one file of this name. */
function targetWith(name: string): SftpClient {
  const [requests, replies] = [new PassThrough(), new PassThrough()];
  let isListed = false;
  requests.on('data', (packet: Buffer) => {
    const reader = new SftpReader(packet.subarray(4));
    const [type, id] = [reader.uint8(), reader.uint32()];
    const end = encodeSftp(SftpType.status, id, [{ uint32: 1 }, 'end', '']);
    const handle = encodeSftp(SftpType.handle, id, [Buffer.from('h')]);
    const names = encodeSftp(SftpType.name, id, [{ uint32: 1 }, name, 'as ls shows it', FILE]);
    const isFolder = type === SftpType.stat && reader.text() === 'dir';
    const answers: Readonly<Record<number, Buffer>> = {
      [SftpType.init]: encodeSftp(SftpType.version, 3, []),
      [SftpType.stat]: encodeSftp(SftpType.attributes, id, [isFolder ? FOLDER : FILE]),
      [SftpType.openFolder]: handle,
      [SftpType.open]: handle,
      [SftpType.readFolder]: isListed ? end : names,
      [SftpType.read]: end,
    };
    isListed ||= type === SftpType.readFolder;
    replies.write(answers[type] ?? encodeSftp(SftpType.status, id, [{ uint32: 0 }, '', '']));
  });
  return new SftpClient(requests, replies, new Promise(() => undefined));
}

async function copyFrom(name: string): Promise<void> {
  const sftp = targetWith(name);
  await sftp.start();
  const silent = () => undefined;
  const components: CopyComponents = {
    sftp,
    record: 'web-1',
    recursive: true,
    preserve: false,
    report: { begin: silent, add: silent, done: silent, problem: silent, note: silent },
    signal: AbortSignal.timeout(10_000),
  };
  await download(components, { sources: ['dir'], target: join(folder, 'inside') });
}

describe('a target that names its files', () => {
  it.each(['../evil', '/tmp/evil', '..', '.', '', 'a\0b', 'deep/evil'])(
    'cannot have %j written anywhere',
    async (name) => {
      const copied = copyFrom(name);
      // Itself and the folder above are in every list, and passed over.
      if (name === '.' || name === '..') await copied;
      else await expect(copied).rejects.toMatchObject({ code: 'bad-message', message: /would be written elsewhere/ });
      expect(readdirSync(folder)).toEqual(['inside']);
      expect(readdirSync(join(folder, 'inside', 'dir'))).toEqual([]);
    },
  );

  it('has an honest one written', async () => {
    await copyFrom('honest');
    expect(readdirSync(join(folder, 'inside', 'dir'))).toEqual(['honest']);
  });
});
