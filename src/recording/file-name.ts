/** Pure: names of recordings: when they began, then their id, so that the oldest comes first. */

const NAME = /^(\d{8}T\d{9}Z)-([A-Za-z0-9_-]{22})\.rec$/;

/** The name of a recording's file. */
export function fileNameOf({ startedUnixMs, id }: { readonly startedUnixMs: number; readonly id: string }): string {
  return `${new Date(startedUnixMs).toISOString().replace(/[-:.]/g, '')}-${id}.rec`;
}

/** The id in a file's name; undefined for what is no recording. */
export function idOfFileName(name: string): string | undefined {
  return NAME.exec(name)?.[2];
}
