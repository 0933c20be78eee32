/** What an instance does with its log: which of its own affairs are recorded, and what it does not do while nothing can be recorded. */
import { createEd25519Verify, keyPairFromSeed } from '../base/ed25519.ts';
import { ExitCode } from '../base/errors.ts';
import type { DataDirectory, GatewayConfig } from '../config/index.ts';
import type { Note, Stored } from '../core/index.ts';
import { eventOfNote, eventOfStored } from './from-pool.ts';
import { type AuditLog, openAuditLog } from './log.ts';

/** What the log is opened with. */
export interface InstanceAuditInit {
  readonly directory: DataDirectory;
  readonly log: {
    info(fields: Readonly<Record<string, unknown>>, message: string): void;
    error(fields: Readonly<Record<string, unknown>>, message: string): void;
  };
}

/** What is said of an instance and its configuration when it starts. */
export interface StartFacts {
  readonly name: string;
  readonly version: string;
  readonly platform: string;
  readonly processId: number;
  readonly poolId: string;
  readonly config: GatewayConfig;
}

/** The log of a running instance. */
export class InstanceAudit {
  readonly log: AuditLog;
  readonly #directory: DataDirectory;

  private constructor(log: AuditLog, directory: DataDirectory) {
    this.log = log;
    this.#directory = directory;
  }

  /** Opens the log of a locked data directory; if that fails the directory is closed. Throws `data-directory`. */
  static async open({ directory, log }: InstanceAuditInit): Promise<InstanceAudit> {
    const { id: instanceId, sign } = keyPairFromSeed(directory.identity.reveal());
    const onFailure = (reason: string | null): void => {
      if (reason === null) log.info({ event: 'audit-resumed' }, 'the audit log can be written again');
      else log.error({ event: 'audit-failed', reason }, 'the audit log cannot be written: no new jobs are taken');
    };
    try {
      const init = { instanceId, sign, verify: createEd25519Verify(), unixMs: () => Date.now(), onFailure };
      return new InstanceAudit(await openAuditLog({ directory: directory.path, ...init }), directory);
    } catch (error) {
      directory.close();
      throw error;
    }
  }

  /** The first entries; an instance that cannot write them does not start. Throws `storage-failed`. */
  async started({ name, version, platform, processId, poolId, config }: StartFacts): Promise<void> {
    const { incarnation, warnings } = this.#directory;
    const { uid, name: gatewayName, adminKeys, threshold } = config;
    this.log.append({ kind: 'instance-started', name, version, platform, processId, incarnation });
    for (const what of warnings) this.log.append({ kind: 'store-damaged', what });
    const gateway = { gatewayUid: uid, gatewayName, poolId, adminKeys: adminKeys.join(' '), threshold };
    await this.log.appendNow({ kind: 'configuration-loaded', ...gateway });
  }

  /** The core said something. */
  noted(note: Note): void {
    const event = eventOfNote(note);
    if (event !== null) this.log.append(event);
  }

  /** Something is on disk. */
  stored(batch: readonly Stored[]): void {
    for (const stored of batch) {
      const event = eventOfStored(stored);
      if (event !== null) this.log.append(event);
    }
  }

  /** Why this must not happen now: a job that could not be recorded is not taken, another instance may. */
  refusal(what: Stored): string | null {
    const { failure } = this.log;
    const begins = what.kind === 'job' && what.notice.state === 'accepted';
    return begins && failure !== null ? `its audit log cannot be written: ${failure}` : null;
  }

  /** The process is about to end; the lines are what it says to whoever started it. */
  ended(code: ExitCode, lines: readonly string[]): void {
    const reason = lines.at(-1) ?? null;
    if (code === ExitCode.poolFull) this.log.append({ kind: 'seat-refused', reason });
    this.log.append({ kind: 'instance-stopped', exitCode: code, reason });
  }
}
