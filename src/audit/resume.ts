/** What an instance finds in its log when it starts: where to go on, and what is wrong with the end. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Verify } from '../base/signing.ts';
import type { AuditHead } from './chain-check.ts';
import { type AuditEntry, genesis, hashLine, isSigned, joinLines, parseEntry } from './entry.ts';
import type { AuditEvent } from './event.ts';
import { HEAD_FILE, listSegments, readLines, type Segment } from './segments.ts';

const LINE_FEED = 0x0a;

/** Where the next entry goes. */
export interface Resumption {
  /** The file to go on with; null: begin a new one. */
  readonly segment: Segment | null;
  /** Bytes of that file. */
  readonly sizeBytes: number;
  /** The end of that file lacks its line feed. */
  readonly unfinished: boolean;
  readonly sequence: number;
  readonly previous: string;
  /** What has to be said first. */
  readonly findings: readonly AuditEvent[];
}

/** The newest checkpoint that was put beside the log, if this instance signed it. */
export function readHead(folder: string, instanceId: string, verify: Verify): AuditHead | null {
  try {
    const line = readFileSync(join(folder, HEAD_FILE), 'utf8').trimEnd();
    const entry = parseEntry(line);
    if (entry === undefined || !isSigned(entry, instanceId, verify)) return null;
    return { sequence: entry.sequence, hash: hashLine(line) };
  } catch {
    // Missing or unreadable is the same: not known. Whoever verifies is told so.
    return null;
  }
}

/** Reads the newest file and says how to go on. Throws what reading throws. */
export async function findResumption(folder: string, instanceId: string, verify: Verify): Promise<Resumption> {
  const head = readHead(folder, instanceId, verify);
  const segments = listSegments(folder);
  const newest = segments.at(-1);
  if (newest === undefined) return goOn({ sequence: 0, hash: genesis(instanceId) }, { head, torn: [], segment: null });
  const end = await readEnd(newest);
  if (end.last !== null) {
    const from = { sequence: end.last.sequence, hash: end.hash };
    return end.fault === null
      ? goOn(from, { head, torn: end.torn, segment: newest })
      : resumeDamaged(from, head, end.fault);
  }
  // Made, and killed before its first entry was whole: it is begun again.
  const from = await endBefore(segments.at(-2), newest, instanceId);
  return from === null
    ? resumeDamaged({ sequence: newest.first - 1, hash: genesis(instanceId) }, head, `${newest.path} holds no entry`)
    : goOn(from, { head, torn: end.torn, segment: null });
}

async function endBefore(
  previous: Segment | undefined,
  { first }: Segment,
  instanceId: string,
): Promise<AuditHead | null> {
  if (previous === undefined) return first === 1 ? { sequence: 0, hash: genesis(instanceId) } : null;
  const { last, hash, fault, torn } = await readEnd(previous);
  const follows = last?.sequence === first - 1 && fault === null && torn.length === 0;
  return follows ? { sequence: first - 1, hash } : null;
}

function goOn(
  from: AuditHead,
  end: { readonly head: AuditHead | null; readonly torn: readonly Uint8Array[]; readonly segment: Segment | null },
): Resumption {
  const { head, segment } = end;
  if (head !== null && head.sequence > from.sequence) {
    return resumeDamaged(from, head, `entries ${from.sequence + 1} to ${head.sequence} are missing`);
  }
  const torn = joinLines(end.torn);
  const findings: readonly AuditEvent[] =
    end.torn.length === 0 ? [] : [{ kind: 'audit-torn', sizeBytes: torn.length, digest: hashLine(torn) }];
  const size = segment === null ? { sizeBytes: 0, unfinished: false } : readSize(segment.path);
  return { segment, ...size, sequence: from.sequence + 1, previous: from.hash, findings };
}

/** In a file of its own, numbered behind everything that was ever signed. */
function resumeDamaged(from: AuditHead, head: AuditHead | null, reason: string): Resumption {
  const last = head !== null && head.sequence > from.sequence ? head : from;
  const findings: readonly AuditEvent[] = [{ kind: 'audit-damaged', reason, complete: false }];
  return { segment: null, sizeBytes: 0, unfinished: false, sequence: last.sequence + 1, previous: last.hash, findings };
}

function readSize(path: string): { readonly sizeBytes: number; readonly unfinished: boolean } {
  const bytes = readFileSync(path);
  return { sizeBytes: bytes.length, unfinished: bytes.length > 0 && bytes.at(-1) !== LINE_FEED };
}

interface End {
  readonly last: AuditEntry | null;
  readonly hash: string;
  /** Lines at the end that are no entries: a process was killed while it wrote. */
  readonly torn: readonly Uint8Array[];
  readonly fault: string | null;
}

async function readEnd({ path, first }: Segment): Promise<End> {
  let last: AuditEntry | null = null;
  let hash = '';
  let torn: Uint8Array[] = [];
  let fault: string | null = null;
  for await (const line of readLines(path)) {
    const entry = parseEntry(new TextDecoder().decode(line));
    if (entry === undefined) {
      torn.push(line);
      continue;
    }
    fault ??= faultBefore(entry, { last, hash, torn, first });
    torn = [];
    last = entry;
    hash = hashLine(line);
  }
  return { last, hash, torn, fault };
}

function faultBefore(
  { sequence, previous, event }: AuditEntry,
  { last, hash, torn, first }: Omit<End, 'fault'> & { readonly first: number },
): string | null {
  const told = event?.kind === 'audit-torn' && event['digest'] === hashLine(joinLines(torn));
  if (torn.length > 0 && !told) return `before entry ${sequence} stand lines that are no entries`;
  const follows = last === null ? sequence === first : sequence === last.sequence + 1 && previous === hash;
  return follows ? null : `entry ${sequence} does not follow from the one before`;
}
