/**
 * Expected failures carry a stable code, a sentence that names the value and the limit, and the remedy.
 * The exit code follows from the code's group, so that a command never has to choose it.
 */

/** Exit codes of both programs, stable for scripts. */
export const ExitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  poolFull: 3,
  notAllowed: 4,
  unreachable: 5,
  bug: 70,
} as const;
/** One of the exit codes of both programs. */
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Every expected failure with its exit code. Append only: codes appear in scripts and on the wire. */
export const ErrorCodes = {
  'bad-usage': ExitCode.usage,
  'bad-config': ExitCode.usage,
  'clock-wrong': ExitCode.usage,
  'data-directory': ExitCode.usage,
  'address-in-use': ExitCode.usage,
  'identity-copied': ExitCode.usage,
  'pool-full': ExitCode.poolFull,
  'not-allowed': ExitCode.notAllowed,
  unreachable: ExitCode.unreachable,
  'not-a-member': ExitCode.unreachable,
  'not-found': ExitCode.failed,
  'already-exists': ExitCode.failed,
  'bad-message': ExitCode.failed,
  'limit-refused': ExitCode.failed,
  'no-worker': ExitCode.failed,
  declined: ExitCode.failed,
  'target-refused': ExitCode.failed,
  'target-unreachable': ExitCode.failed,
  'target-timeout': ExitCode.failed,
  'target-reset': ExitCode.failed,
  'deadline-passed': ExitCode.failed,
  'outcome-unknown': ExitCode.failed,
  cancelled: ExitCode.failed,
  'not-supported': ExitCode.failed,
  'storage-failed': ExitCode.failed,
  timeout: ExitCode.failed,
  'vault-conflict': ExitCode.failed,
  'vault-unavailable': ExitCode.failed,
  'credential-missing': ExitCode.failed,
  'credential-refused': ExitCode.failed,
  'host-key-changed': ExitCode.failed,
  'recording-failed': ExitCode.failed,
  'policy-refused': ExitCode.failed,
  evicted: ExitCode.notAllowed,
  'tls-failed': ExitCode.failed,
  'password-refused': ExitCode.failed,
} as const;
/** The stable name of an expected failure. */
export type ErrorCode = keyof typeof ErrorCodes;

/** True for a code of the table above: what comes from another machine is checked with it. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ErrorCodes, text);
}

/** An expected failure: shown to a person as one line, never with a stack. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  readonly remedy: string | undefined;

  /** `message` names the value and the limit; `remedy` is the next thing to do, as a sentence. */
  constructor(code: ErrorCode, message: string, options: { readonly remedy?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.remedy = options.remedy;
  }

  /** The exit code of a command that ends with this failure. */
  get exitCode(): ExitCode {
    return ErrorCodes[this.code];
  }
}
