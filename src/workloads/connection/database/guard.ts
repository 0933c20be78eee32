/** Pure: what a read-only session is not let do. */

/**
 * What in a statement would end the reading-only of a session, or undefined. The database itself refuses to write, because the session was set so; this keeps
 * a person from setting it otherwise. It is a guard against mistakes and no more: functions of the database can do the same unseen. Texts that
 * contain such words are refused too.
 */
export function findReadOnlySwitch(text: string): string | undefined {
  // A comment may stand between two words; what begins one differs between the databases.
  const readings = [
    text,
    text.replace(BLOCK_COMMENT, ' '),
    text.replace(BLOCK_COMMENT, ' ').replace(LINE_COMMENT, ' '),
  ];
  for (const reading of readings) {
    const found = SWITCH.exec(reading);
    if (found !== null) return found[0].replace(/\s+/g, ' ');
  }
  return undefined;
}

const BLOCK_COMMENT = /\/\*[\s\S]*?(?:\*\/|$)/g;
const LINE_COMMENT = /(?:--|#)[^\n]*/g;
const SWITCH =
  /\bread\s+write\b|\b(?:default_)?transaction_read_only\b(?=["'`]?\s*(?:=|:=|to\b|,))|\btx_read_only\b(?=[`]?\s*:?=)|\breset\s+(?:default_)?transaction_read_only\b|\bset\s+(?:session\s+|local\s+)?session\s+authorization\b/i;
