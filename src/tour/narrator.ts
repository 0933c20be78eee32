import type { Terminal } from '../cli/frame/terminal.ts';

/** Tells the tour: chapters, remarks, the commands as they are typed, and what was checked. */
export interface Narrator {
  chapter(title: string): void;
  /** A remark, line by line. */
  say(...lines: readonly string[]): void;
  /** A command line, in front of its output; `who` is the machine it is typed on. */
  command(who: string, line: string): void;
  /** The command has written its output to the terminal itself. */
  outputEnded(): void;
  /** Something that was promised and has been seen. */
  seen(text: string): void;
  /** Output of a program that is passed on. */
  note(text: string): void;
  failure(reason: string): void;
}

/** Colours only where a person looks: `terminal` knows. */
export function createNarrator(terminal: Terminal): Narrator {
  const { palette } = terminal.style();
  const beganAtMs = performance.now();
  let chapters = 0;
  /** Commands without output in between stand together. */
  let afterCommand = false;
  const print = (text: string): void => {
    afterCommand = false;
    terminal.print(text);
  };
  const clock = (): string => palette.faint(`${((performance.now() - beganAtMs) / 1000).toFixed(1)} s`);
  return {
    chapter: (title) => {
      chapters += 1;
      print(`\n${palette.strong(`${chapters}. ${title}`)}  ${clock()}`);
    },
    say: (...lines) => print(lines.map((line) => `   ${line}`).join('\n')),
    command: (who, line) => {
      const before = afterCommand ? '' : '\n';
      print(`${before}${palette.faint(`${who}$`)} ${palette.strong(line)}`);
      afterCommand = true;
    },
    outputEnded: () => {
      afterCommand = false;
    },
    seen: (text) => print(`${palette.good('ok')} ${text}`),
    note: (text) => print(text),
    failure: (reason) => terminal.note(`\n${palette.bad('The tour has failed:')} ${reason}`),
  };
}
