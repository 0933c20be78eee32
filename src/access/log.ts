/** Where the access plane writes what may interest an operator: values as fields, the text second. A pino logger fits. */
export interface AccessLog {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** A log for nobody. */
export const silentLog: AccessLog = { debug: () => undefined, warn: () => undefined };
