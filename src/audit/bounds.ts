/** Bounds of the audit log, together, with their reasons. */

/** Bytes of one file of the log. A start reads the newest file whole, and so does every page that is asked for. */
export const SEGMENT_BYTES_MAX = 4 * 1024 * 1024;
/** Files kept: with the size of one, what the log takes on disk. More keep a longer past. */
export const SEGMENTS_KEPT = 64;
/** Entries written and flushed together; more wait for the next flush. */
export const BATCH_ENTRIES_MAX = 512;
/** Entries that wait for the disk. A disk that hangs costs so many times half a kilobyte; beyond it events are counted instead of kept. */
export const QUEUE_ENTRIES_MAX = 10_000;
/** After so many entries comes a signed checkpoint … */
export const CHECKPOINT_ENTRIES = 256;
/** … and at the latest after this time: what somebody without the instance's key could have changed unseen is never older. Milliseconds. */
export const CHECKPOINT_MS = 1000;
/** Between two tries to write where the disk refused. Milliseconds. */
export const RETRY_MS = 500;
/** UTF-16 characters of one text of an event; the rest is cut off. */
export const TEXT_LENGTH_MAX = 500;
/** Bytes of one entry, which has at most a dozen texts. */
export const ENTRY_BYTES_MAX = 32 * 1024;
/** Events of one kind that strangers can cause, per second; the others are counted. Nobody may push the past out of a bounded log with noise. */
export const PROVOKED_PER_SECOND_MAX = 20;
/** Entries of one page. */
export const PAGE_ENTRIES_MAX = 1000;
/** Bytes of entries in one page, a quarter of what an answer may have. */
export const PAGE_BYTES_MAX = 1024 * 1024;
/** Bytes looked through for one page. */
export const PAGE_SCAN_BYTES_MAX = 4 * SEGMENT_BYTES_MAX;
