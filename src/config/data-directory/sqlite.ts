/** Result codes of SQLite that mean something to us (sqlite.org/rescode.html). */
export const SqliteCode = { busy: 5, corrupt: 11, notDatabase: 26 } as const;

/** True when `error` came from SQLite with this result code, in its plain or an extended form. */
export function hasCode(error: unknown, code: number): boolean {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return false;
  return (error.errcode & 0xff) === code;
}
