import { Secret } from '../../src/base/secret.ts';
// Not through the face of the folder: what else is behind it takes a busy machine seconds to load.
import { openDataDirectory } from '../../src/config/data-directory/data-directory.ts';

/** A process that holds the data directory named by its argument until it is ended: says `open`, or why not. */
try {
  const path = process.argv[2] ?? '';
  const directory = openDataDirectory({
    path,
    gatewayUid: 'gateway',
    poolSecret: new Secret(new Uint8Array(32)),
    formerSecrets: [],
    unixMs: () => Date.now(),
  });
  console.log(JSON.stringify({ open: true, instanceId: directory.instanceId, incarnation: directory.incarnation }));
  process.stdin.on('end', () => {
    directory.close();
    process.exit(0);
  });
  process.stdin.resume();
} catch (error) {
  console.log(JSON.stringify({ open: false, message: error instanceof Error ? error.message : String(error) }));
}
