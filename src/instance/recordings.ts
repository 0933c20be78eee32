import { join } from 'node:path';
import type { Audit } from '../audit/index.ts';
import type { DataDirectory } from '../config/index.ts';
import type { PoolSecrets } from '../driver/index.ts';
import { openRecordings, type Recordings } from '../recording/index.ts';
import type { InstanceInit } from './contract.ts';

/** What the recordings of an instance are opened with. */
export interface InstanceRecordingsInit extends Pick<InstanceInit, 'settings' | 'log'> {
  readonly directory: DataDirectory;
  readonly audit: Audit;
  readonly secrets: PoolSecrets;
}

/** The recordings of an instance: written under the present pool secret, read under every one before it too. */
export function openInstanceRecordings(init: InstanceRecordingsInit): Recordings {
  const { settings, log, directory, secrets, audit } = init;
  return openRecordings({
    folder: join(settings.dataDirectory, 'recordings'),
    instanceId: directory.instanceId,
    poolKey: secrets.present.recordingKey,
    formerKeys: secrets.former.map((keys) => keys.recordingKey),
    keep: settings.keepRecordings,
    onKept: (kept) => audit.append({ kind: 'recording-kept', ...kept }),
    onProblem: (problem) => log.error({ event: 'recordings-not-pruned' }, problem),
  });
}
