import type { Command } from 'commander';
import { ExitCode, GatewayError } from '../../../base/errors.ts';
import type { WorkerMessage } from '../../../wire/connection-message.ts';
import { defineCommand } from '../../frame/command-tree.ts';
import { ExitWith } from '../../frame/run-program.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { addProfileOptions, type Connected, type ProfileOptions, withClient } from '../connection.ts';
import { findRecordFor } from '../find-record.ts';
import { pinHostKey } from '../launch/pin-host-key.ts';
import { reasonParameter } from '../session/reason.ts';
import { type CopyPlan, planCopy } from './place.ts';
import { Progress } from './progress.ts';

interface CopyOptions extends ProfileOptions {
  readonly recursive?: boolean;
  readonly preserve?: boolean;
  readonly reason?: string;
}

/** `pam cp`: files to and from a record, with the credential added by the gateway. */
export function copyCommand(terminal: Terminal): Command {
  const command = defineCommand({
    name: 'cp',
    summary: 'copy files to or from a record; the gateway logs in, you never see the credential',
    examples: ['pam cp site.tar web-1:/srv/', 'pam cp web-1:/var/log/syslog .', 'pam cp -r -p conf web-1:'],
  });
  return addProfileOptions(command)
    .argument('<path...>', 'what to copy, then where to; RECORD:PATH is on the record')
    .option('-r, --recursive', 'folders with all that is in them')
    .option('-p, --preserve', 'keep times and exact permissions')
    .option('--reason <TEXT>', 'why, or a ticket number: stands in the recording')
    .action(async (paths: readonly string[], options: CopyOptions) => {
      const plan = planCopy(paths, process.platform);
      reasonParameter(options.reason);
      await withClient(terminal, options, (connected) => copy(terminal, { plan, options, connected }));
    });
}

interface Copying {
  readonly plan: CopyPlan;
  readonly options: CopyOptions;
  readonly connected: Connected;
}

async function copy(terminal: Terminal, { plan, options, connected }: Copying): Promise<void> {
  const record = await findRecordFor(connected, { named: plan.record, kind: 'connection' }, terminal.signal);
  if (record.protocol !== 'ssh')
    throw new GatewayError(
      'bad-usage',
      `record "${record.title}" has the protocol ${record.protocol}; pam cp needs ssh`,
    );
  const [{ withFiles }, { upload }, { download }] = await Promise.all([
    import('./files-session.ts'),
    import('./upload.ts'),
    import('./download.ts'),
  ]);
  const progress = new Progress(terminal, process.stderr);
  let recordingId: string | null = null;
  let pinning: Promise<void> | undefined;
  const onOpened = ({
    hostKey,
    hostKeyTrust,
    ...opened
  }: Extract<WorkerMessage, { readonly kind: 'opened' }>): void => {
    recordingId = opened.recordingId;
    if (hostKeyTrust !== 'record')
      pinning = pinHostKey(terminal, connected, { record, hostKey, isNew: hostKeyTrust === 'new' });
  };
  const session = { connected, recordId: record.recordId, reason: options.reason, signal: terminal.signal };
  try {
    const { jobId, worker } = await withFiles(
      { ...session, onOpened, onNotice: (text) => progress.note(text) },
      async (sftp) => {
        const components = {
          sftp,
          record: plan.record,
          recursive: options.recursive === true,
          preserve: options.preserve === true,
          report: progress,
          signal: terminal.signal,
        };
        await (plan.direction === 'up' ? upload(components, plan) : download(components, plan));
      },
    );
    progress.clear();
    if (options.json === true) terminal.printJson({ ...progress.counts(), jobId, worker, recordingId });
    else terminal.note(progress.summary());
  } finally {
    progress.clear();
    await pinning;
  }
  if (progress.counts().problems > 0) throw new ExitWith(ExitCode.failed);
}
