import type { GatewayError } from '../../../base/errors.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { countOf, formatBytes, formatDuration, printable } from '../../frame/text.ts';
import type { CopyReport } from './copier.ts';

/** Where the line of progress goes. */
export interface ProgressScreen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** How often the line is drawn. */
const DRAW_MS = 200;
const COLUMNS_UNKNOWN = 80;
const CLEAR_LINE = '\r\u001b[K';

/** Counts what is copied; draws one line where a person looks, and tells of problems at once. */
export class Progress implements CopyReport {
  readonly #terminal: Terminal;
  readonly #screen: ProgressScreen;
  readonly #beganAtMs = performance.now();
  #path = '';
  #sizeBytes = 0;
  #fileBytes = 0;
  #drawnAtMs = 0;
  #files = 0;
  #bytes = 0;
  #problems = 0;

  constructor(terminal: Terminal, screen: ProgressScreen) {
    this.#terminal = terminal;
    this.#screen = screen;
  }

  /** Whole files, bytes of all, and files that were left out because of a problem. */
  counts(): { readonly files: number; readonly bytes: number; readonly problems: number; readonly elapsedMs: number } {
    const elapsedMs = Math.round(performance.now() - this.#beganAtMs);
    return { files: this.#files, bytes: this.#bytes, problems: this.#problems, elapsedMs };
  }

  summary(): string {
    const { files, bytes, problems, elapsedMs } = this.counts();
    const left = problems === 0 ? '' : `, ${problems} not copied`;
    return `${countOf(files, 'file')}, ${formatBytes(bytes)} in ${formatDuration(elapsedMs)}${left}`;
  }

  begin(path: string, sizeBytes: number): void {
    this.#path = path;
    this.#sizeBytes = sizeBytes;
    this.#fileBytes = 0;
    this.#draw();
  }

  add(bytes: number): void {
    this.#fileBytes += bytes;
    this.#bytes += bytes;
    if (performance.now() - this.#drawnAtMs >= DRAW_MS) this.#draw();
  }

  done(): void {
    this.#files += 1;
    this.#draw();
  }

  problem(error: GatewayError): void {
    this.#problems += 1;
    this.note(`error: ${error.message}`);
  }

  note(text: string): void {
    this.clear();
    this.#terminal.note(printable(text));
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#screen.isTTY === true) this.#screen.write(CLEAR_LINE);
  }

  #draw(): void {
    if (this.#screen.isTTY !== true) return;
    this.#drawnAtMs = performance.now();
    const { bytes, elapsedMs } = this.counts();
    const share =
      this.#sizeBytes === 0 ? '' : `${Math.min(100, Math.floor((100 * this.#fileBytes) / this.#sizeBytes))}%  `;
    const rate = `${formatBytes((1000 * bytes) / Math.max(1, elapsedMs))}/s`;
    const figures = `${share}${formatBytes(this.#fileBytes)}  ${rate}`;
    const room = Math.max(8, (this.#screen.columns ?? COLUMNS_UNKNOWN) - figures.length - 3);
    const name = printable(this.#path);
    const shown = name.length <= room ? name.padEnd(room) : `…${name.slice(1 - room)}`;
    this.#screen.write(`${CLEAR_LINE}${shown}  ${figures}`);
  }
}
