/** Programmer errors: a broken assumption stops the process instead of going on with wrong state. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Throws unless `condition` holds; `message` says what was assumed. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** The value, which the caller knows to be there; throws when that knowledge is wrong. */
export function assertDefined<T>(value: T | undefined | null, message: string): T {
  if (value === undefined || value === null) throw new AssertionError(message);
  return value;
}

/** Marks the branch of a `switch` that no value reaches. */
export function assertNever(value: never): never {
  throw new AssertionError(`no such case: ${JSON.stringify(value)}`);
}
