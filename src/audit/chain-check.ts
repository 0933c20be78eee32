/**
 * Pure: reads a log line by line and says whether it is whole. Needs nothing but the lines and the instance's id, which is its public key.
 *
 * What it proves: nothing before the last checkpoint was changed, removed, added or reordered by anybody without the instance's key. What comes
 * after it hangs together but could have been cut off; a head, where one is known, says how far the log reached. What it cannot prove: that the
 * instance itself told the truth.
 */
import type { Verify } from '../base/signing.ts';
import { type AuditEntry, genesis, hashLine, isSigned, joinLines, parseEntry } from './entry.ts';

/** Lines that are no entries, one after the other: a process that is killed at every start leaves one each time. */
const UNFINISHED_LINES_MAX = 100;

/** A place that the log is known to have reached. */
export interface AuditHead {
  readonly sequence: number;
  /** Hash of that line. */
  readonly hash: string;
}

/** What was found. */
export interface ChainReport {
  readonly ok: boolean;
  /** Entries read, checkpoints included. */
  readonly entries: number;
  /** Entries that are no checkpoints. */
  readonly events: number;
  /** The first place that is wrong, as a sequence number; null where nothing is. */
  readonly firstBadAt: number | null;
  /** What is wrong there. */
  readonly reason: string | null;
  readonly firstSequence: number | null;
  readonly lastSequence: number | null;
  /** The last checkpoint: everything up to it is proven. 0: none. */
  readonly signedThrough: number;
  /** Lines that a killed process left unfinished. */
  readonly torn: number;
  /** The end of what was read, to hold a later reading against. */
  readonly head: AuditHead | null;
}

/** What checking needs. */
export interface ChainCheckInit {
  readonly instanceId: string;
  readonly verify: Verify;
  /** How far the log is known to have reached; null: not known. */
  readonly head?: AuditHead | null;
}

/** Checks one log: `step` for each line in order, then `view`. */
export class ChainCheck {
  readonly #init: ChainCheckInit;
  #entries = 0;
  #events = 0;
  #first: number | null = null;
  #last: AuditHead | null = null;
  #bad: { readonly at: number; readonly reason: string } | null = null;
  #signedThrough = 0;
  #prunedThrough = 0;
  #torn = 0;
  #unfinished: Uint8Array[] = [];
  #headSeen = false;

  constructor(init: ChainCheckInit) {
    this.#init = init;
  }

  /** The next line, without its line feed. */
  step(line: Uint8Array): void {
    const entry = parseEntry(new TextDecoder().decode(line));
    if (entry === undefined) return this.#takeUnfinished(line);
    const hash = hashLine(line);
    this.#checkLink(entry);
    this.#checkUnfinished(entry);
    this.#checkSignature(entry);
    this.#entries += 1;
    if (entry.event !== undefined) this.#takeEvent(entry.event);
    this.#first ??= entry.sequence;
    this.#last = { sequence: entry.sequence, hash };
    this.#compareHead(this.#last);
  }

  /** What is known after the lines so far. */
  view(): ChainReport {
    const bad = this.#bad ?? this.#missingAtStart() ?? this.#missingAtEnd() ?? this.#unsigned();
    return {
      ok: bad === null,
      entries: this.#entries,
      events: this.#events,
      firstBadAt: bad?.at ?? null,
      reason: bad?.reason ?? null,
      firstSequence: this.#first,
      lastSequence: this.#last?.sequence ?? null,
      signedThrough: this.#signedThrough,
      torn: this.#torn + (this.#unfinished.length === 0 ? 0 : 1),
      head: this.#last,
    };
  }

  #takeUnfinished(line: Uint8Array): void {
    if (this.#unfinished.length < UNFINISHED_LINES_MAX) this.#unfinished.push(line.slice());
    else this.#fail(this.#expected(), 'many lines that are no entries');
  }

  #checkLink({ sequence, previous }: AuditEntry): void {
    if (this.#last === null) {
      if (sequence === 1 && previous !== genesis(this.#init.instanceId)) this.#fail(1, 'the log of another instance');
      return;
    }
    if (sequence !== this.#last.sequence + 1) {
      return this.#fail(this.#expected(), `entry ${sequence} stands where ${this.#expected()} should be`);
    }
    if (previous !== this.#last.hash)
      this.#fail(this.#last.sequence, 'the line was changed after the next one was written');
  }

  /** An unfinished line is what a killed process leaves, if the next entry says so. */
  #checkUnfinished({ event, sequence }: AuditEntry): void {
    if (this.#unfinished.length === 0) return;
    const told = event?.kind === 'audit-torn' && event['digest'] === hashLine(joinLines(this.#unfinished));
    if (told) this.#torn += 1;
    else this.#fail(sequence, 'before it stands a line that is no entry');
    this.#unfinished = [];
  }

  #checkSignature(entry: AuditEntry): void {
    if (entry.checkpoint === undefined) return;
    const { instanceId, verify } = this.#init;
    if (isSigned(entry, instanceId, verify)) this.#signedThrough = entry.sequence;
    else this.#fail(entry.sequence, 'the checkpoint is not signed by this instance');
  }

  #takeEvent(event: Readonly<Record<string, unknown>>): void {
    this.#events += 1;
    const through = event['throughSequence'];
    if (event['kind'] === 'audit-pruned' && typeof through === 'number') this.#prunedThrough = through;
    if (event['kind'] === 'audit-damaged') this.#fail(this.#expected(), String(event['reason']));
  }

  #compareHead({ sequence, hash }: AuditHead): void {
    const { head } = this.#init;
    if (head === undefined || head === null || head.sequence !== sequence) return;
    this.#headSeen = true;
    if (head.hash !== hash) this.#fail(sequence, 'the line is not the one that was seen here before');
  }

  /** A log begins with entry 1, or where it says itself that older entries were removed. */
  #missingAtStart(): { readonly at: number; readonly reason: string } | null {
    if (this.#first === null || this.#first <= this.#prunedThrough + 1) return null;
    return { at: this.#prunedThrough + 1, reason: `entries before ${this.#first} are missing` };
  }

  #missingAtEnd(): { readonly at: number; readonly reason: string } | null {
    const { head } = this.#init;
    if (head === undefined || head === null || this.#headSeen) return null;
    // Older than everything that is left: removed in order.
    if (this.#first !== null && head.sequence < this.#first) return null;
    return { at: this.#expected(), reason: `the log ends before entry ${head.sequence}, which it had` };
  }

  /** Anybody can make a log that hangs together: only the instance signs it. */
  #unsigned(): { readonly at: number; readonly reason: string } | null {
    if (this.#first === null || this.#signedThrough > 0) return null;
    return { at: this.#first, reason: 'no checkpoint is signed by this instance' };
  }

  #expected(): number {
    return (this.#last?.sequence ?? 0) + 1;
  }

  #fail(at: number, reason: string): void {
    this.#bad ??= { at, reason };
  }
}
