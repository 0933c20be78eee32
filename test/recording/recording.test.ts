import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../../src/base/secret.ts';
import { parseEvent } from '../../src/recording/asciicast.ts';
import {
  Archive,
  createRecorder,
  type KeptRecording,
  type Recorder,
  type RecordingStart,
} from '../../src/recording/index.ts';

const KEY = new Secret(new Uint8Array(32).fill(7));
const START: RecordingStart = {
  jobId: 'job',
  kind: 'connection',
  protocol: 'ssh',
  recordId: 'record',
  recordTitle: 'web-1',
  target: 'deploy@10.0.0.5:22',
  caller: 'key',
  user: 'alice',
  reason: null,
  columns: 80,
  rows: 24,
  terminal: 'xterm',
  command: null,
};
const END = { reason: 'normal', text: 'done', exitCode: 0, bytesIn: 1, bytesOut: 2 } as const;
const utf8 = new TextEncoder();

let folder: string;
let recorder: Recorder & { stop(): void };
let archive: Archive;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recordings-'));
  recorder = createRecorder({ folder, instanceId: 'instance', poolKey: KEY });
  archive = new Archive(folder, KEY);
});
afterEach(() => {
  recorder.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The path of the only recording. */
function only(): string {
  const [name] = readdirSync(folder);
  if (name === undefined) throw new Error('no recording');
  return join(folder, name);
}

async function read(id: string): Promise<{ text: string; end: string }> {
  const reader = await archive.open(id);
  let text = '';
  for await (const chunk of reader.text()) text += chunk;
  await reader.close();
  return { text, end: reader.end };
}

/** A finished recording of several chunks. */
async function recorded(texts: readonly string[]): Promise<string> {
  const recording = await recorder.start(START);
  for (const text of texts) recording.output(utf8.encode(text));
  await recording.end(END);
  return recording.info.id;
}

describe('a recording', () => {
  it('is asciicast with everything in order, a character cut in two included', async () => {
    const recording = await recorder.start(START);
    const [first, second] = [utf8.encode('grün').subarray(0, 3), utf8.encode('grün').subarray(3)];
    recording.output(first);
    recording.output(second);
    recording.resize(100, 30);
    recording.input(utf8.encode('x'));
    recording.marker('chapter');
    recording.statement({ sql: 'SELECT 1', rows: 1 });
    await recording.end(END);
    const { text, end } = await read(recording.info.id);
    const [header = '', ...lines] = text.trimEnd().split('\n');
    expect(JSON.parse(header)).toMatchObject({
      version: 2,
      width: 80,
      height: 24,
      title: 'web-1',
      env: { TERM: 'xterm' },
    });
    expect(lines.map((line) => parseEvent(line)).map((event) => [event?.code, event?.data])).toEqual([
      ['o', 'gr'],
      ['o', 'ün'],
      ['r', '100x30'],
      ['i', 'x'],
      ['m', 'chapter'],
      ['q', '{"sql":"SELECT 1","rows":1}'],
    ]);
    expect(end).toBe('complete');
  });

  it('has an id that people can type as an argument: it never begins as a flag does', async () => {
    const ids = new Set<string>();
    for (let made = 0; made < 300; made++) ids.add(await recorded(['x']));
    expect([...ids].filter((id) => !/^[A-Za-f]/.test(id))).toEqual([]);
  });

  it('tells once what its file is when that is complete, and nothing where it is not', async () => {
    const kept: KeptRecording[] = [];
    recorder.stop();
    recorder = createRecorder({ folder, instanceId: 'instance', poolKey: KEY, onKept: (one) => kept.push(one) });
    const recording = await recorder.start(START);
    recording.output(utf8.encode('text '.repeat(50_000)));
    expect(kept).toEqual([]);
    await recording.end(END);
    const file = readFileSync(only());
    const digest = createHash('sha256').update(file).digest('hex');
    expect(kept).toEqual([{ recordingId: recording.id, jobId: START.jobId, sizeBytes: file.length, digest }]);
    await recorder.follow(START).end(END);
    expect(kept).toHaveLength(1);
  });

  it('shows nothing of itself on disk', async () => {
    await recorded(['top secret output']);
    const bytes = readFileSync(only());
    for (const text of ['secret', 'alice', 'web-1', 'deploy']) expect(bytes.includes(text)).toBe(false);
  });

  it('is on disk within a second while it runs, and reads as cut off', async () => {
    const recording = await recorder.start(START);
    recording.output(utf8.encode('so far'));
    await expect.poll(async () => (await read(recording.info.id)).text, { timeout: 5000 }).toContain('so far');
    expect((await read(recording.info.id)).end).toBe('cut-off');
    expect((await archive.list())[0]).toMatchObject({ trailer: null, info: { user: 'alice' } });
    await recording.end(END);
  });

  it('reads to its last whole chunk wherever it is cut off, and is never taken for whole', async () => {
    const id = await recorded(['a'.repeat(70_000), 'b'.repeat(70_000), 'c'.repeat(70_000)]);
    const whole = readFileSync(only());
    const complete = (await read(id)).text;
    let longest = '';
    for (let size = 200; size < whole.length; size += 997) {
      truncateSync(only(), size);
      const { text, end } = await read(id);
      expect(end).toBe('cut-off');
      expect(complete.startsWith(text)).toBe(true);
      if (text.length > longest.length) longest = text;
      writeFileSync(only(), whole);
    }
    expect(longest.length).toBeGreaterThan(140_000);
  });

  it('is not read on from where a byte was changed', async () => {
    const id = await recorded(['a'.repeat(70_000), 'b'.repeat(70_000)]);
    const whole = readFileSync(only());
    for (const at of [whole.length - 10, whole.length >> 1, 600]) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 1;
      writeFileSync(only(), changed);
      const { end } = await read(id).catch(() => ({ end: 'damaged' }));
      expect(['damaged', 'cut-off']).toContain(end);
    }
    writeFileSync(only(), whole);
    expect((await read(id)).end).toBe('complete');
  });

  it('belongs to its pool: another key reads nothing', async () => {
    await recorded(['x']);
    expect(await new Archive(folder, new Secret(new Uint8Array(32))).list()).toEqual([]);
  });

  it('cannot begin where nothing can be written', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const elsewhere = createRecorder({ folder: join(file, 'below'), instanceId: 'instance', poolKey: KEY });
    await expect(elsewhere.start(START)).rejects.toMatchObject({ code: 'recording-failed' });
    elsewhere.stop();
  });
});

describe('the archive', () => {
  it('finds a text that came in pieces and in colour, whatever its case', async () => {
    const id = await recorded(['$ sudo \u001b[1mrm ', '-rf\u001b[0m /srv\r\n']);
    await recorded(['nothing here']);
    const found = await archive.search('RM -RF', () => true);
    expect(found.map(({ summary, hits }) => [summary.info.id, hits.length])).toEqual([[id, 1]]);
    expect(found[0]?.hits[0]?.text).toContain('rm -rf');
    expect(await archive.search('rm -rf', () => false)).toEqual([]);
  });

  it('removes what is too old, then the oldest while all are too large', async () => {
    const ids = [
      await recorded(['1'.repeat(5000)]),
      await recorded(['2'.repeat(5000)]),
      await recorded(['3'.repeat(5000)]),
    ];
    const now = Date.now();
    const names = readdirSync(folder).sort();
    const age = (place: number, ms: number): void => {
      const path = join(folder, names.find((name) => name.includes(ids[place] ?? '')) ?? '');
      utimesSync(path, new Date(now - ms), new Date(now - ms));
    };
    age(0, 10 * 86_400_000);
    age(1, 3_600_000);
    expect(await archive.prune({ ageMsMax: 5 * 86_400_000, bytesMax: null }, now)).toBe(1);
    expect(await archive.prune({ ageMsMax: null, bytesMax: 8000 }, now)).toBe(1);
    expect((await archive.list()).map(({ info }) => info.id)).toEqual([ids[2]]);
  });
});
