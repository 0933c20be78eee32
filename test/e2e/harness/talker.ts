/** A connection that somebody keeps talking over: a process of its own, so that it can be wherever a client can. */

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterEach } from 'vitest';
import type { Place } from './program.ts';
import { needs, until } from './until.ts';

/** Sends the next number ten times a second; prints each that has come back in its turn, and says why when that ends. */
const TALK = `
const socket = require('node:net').connect(Number(process.argv[1]), '127.0.0.1');
let [sent, answered, rest] = [0, 0, ''];
const end = (why) => { console.log('ended: ' + why); process.exit(); };
socket.setEncoding('utf8').on('connect', () => setInterval(() => socket.write(++sent + '\\n'), 100));
socket.on('data', (text) => {
  const lines = (rest + text).split('\\n');
  rest = lines.pop();
  for (const line of lines) if (line !== String(++answered)) end('got ' + line + ' instead of ' + answered);
  console.log(answered);
});
socket.on('error', (error) => end(error.code)).on('close', () => end('closed'));
`;
const FIRST_ANSWER_MS = 10_000;

/** A conversation that goes on until it is ended, from either side. */
export class Talker {
  readonly #child: ChildProcess;
  #answered = 0;
  #answeredAtMs = performance.now();
  #silenceMaxMs = 0;
  #ended: string | undefined;

  constructor(port: number, { enter }: Place) {
    const [command = process.execPath, ...args] = [...enter, process.execPath, '-e', TALK, String(port)];
    this.#child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    if (this.#child.stdout !== null)
      createInterface({ input: this.#child.stdout }).on('line', (line) => this.#take(line));
  }

  /** Why it ended, undefined while it goes on. */
  get ended(): string | undefined {
    return this.#ended;
  }

  /** The longest time between two answers so far, in milliseconds. */
  get silenceMaxMs(): number {
    return Math.round(this.#silenceMaxMs);
  }

  /** Waits until it has got so many more answers. */
  untilAnswered(more: number, within = FIRST_ANSWER_MS): Promise<void> {
    const wanted = this.#answered + more;
    return until(`${more} more answers`, { within }, () => {
      if (this.#ended !== undefined) throw new Error(`the connection ended: ${this.#ended}`);
      needs(this.#answered >= wanted, () => `${this.#answered - wanted + more} have come`);
    });
  }

  /** Ends the conversation. */
  hangUp(): void {
    this.#child.kill('SIGKILL');
  }

  #take(line: string): void {
    if (line.startsWith('ended: ')) this.#ended = line.slice('ended: '.length);
    const atMs = performance.now();
    if (this.#answered > 0) this.#silenceMaxMs = Math.max(this.#silenceMaxMs, atMs - this.#answeredAtMs);
    this.#answeredAtMs = atMs;
    if (this.#ended === undefined) this.#answered = Number(line);
  }
}

/** Talkers that end with the test. */
export function useTalkers(): (port: number, place?: Place) => Promise<Talker> {
  const talkers = new Set<Talker>();
  afterEach(() => {
    for (const talker of talkers) talker.hangUp();
    talkers.clear();
  });
  return async (port, place = { enter: [] }) => {
    const talker = new Talker(port, place);
    talkers.add(talker);
    await talker.untilAnswered(1);
    return talker;
  };
}
