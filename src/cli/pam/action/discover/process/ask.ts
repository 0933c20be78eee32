import { createInterface } from 'node:readline';
import type { Terminal } from '../../../../frame/terminal.ts';

/** What a person can say to a find. `always`: ignore it now and next time; `all`: add it and everything else that comes. */
export type Answer = 'add' | 'skip' | 'always' | 'all' | 'quit';

/** Asks about one find after the other. */
export interface Questions {
  /** The end of the input is `quit`. */
  ask(question: string): Promise<Answer>;
  stop(): void;
}

const ANSWERS: Readonly<Record<string, Answer>> = { y: 'add', n: 'skip', i: 'always', a: 'all', q: 'quit' };
const CHOICES = '[y]es, [n]o, [i]gnore it always, [a]dd it and all others, [q]uit';
/** Lines that are no answer, before the input is taken for something else. */
const MISTAKES_MAX = 10;

/** Questions on stderr, answers from standard input: a terminal, or a file of lines. */
export function openQuestions({ note, signal }: Terminal): Questions {
  const lines = createInterface({ input: process.stdin, signal });
  const typed = lines[Symbol.asyncIterator]();
  const ask = async (question: string): Promise<Answer> => {
    for (let mistakes = 0; mistakes < MISTAKES_MAX; mistakes++) {
      note(`${question}\n  ${CHOICES}?`);
      const line = await typed.next();
      if (line.done === true) return 'quit';
      const answer = ANSWERS[line.value.trim().slice(0, 1).toLowerCase()];
      if (answer !== undefined) return answer;
    }
    return 'quit';
  };
  return { ask, stop: () => lines.close() };
}
