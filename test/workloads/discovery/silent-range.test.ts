/** A range in which nearly nobody answers: it is done within its pace, and memory does not grow with it. */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namespacesMissing } from '../../e2e/harness/requirements.ts';

const NAMESPACE = `pam-disc-${process.pid}`;
const SCRIPT = fileURLToPath(new URL('silent-scan.ts', import.meta.url));
/** In the first, a middle and the last part. */
const HOSTS = ['10.66.0.9', '10.66.17.1', '10.66.31.250'];
const RATE = 2000;
/** `PAM_SILENT_RANGE=10.66.0.0/16` takes half a minute: every run has an eighth of that. */
const RANGE = process.env['PAM_SILENT_RANGE'] ?? '10.66.0.0/19';

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}

describe.skipIf(namespacesMissing() !== undefined)('a silent range', () => {
  beforeAll(() => {
    ip('netns', 'add', NAMESPACE);
    ip('-n', NAMESPACE, 'link', 'set', 'lo', 'up');
    // Without ARP nobody learns that nobody is there: what is sent comes out at the other end, is for nobody, and is dropped.
    ip('-n', NAMESPACE, 'link', 'add', 'silence', 'type', 'veth', 'peer', 'name', 'nobody');
    for (const end of ['silence', 'nobody']) ip('-n', NAMESPACE, 'link', 'set', end, 'up', 'arp', 'off');
    ip('-n', NAMESPACE, 'route', 'add', '10.66.0.0/16', 'dev', 'silence');
    for (const host of HOSTS) ip('-n', NAMESPACE, 'address', 'add', `${host}/32`, 'dev', 'lo');
  });
  afterAll(() => ip('netns', 'delete', NAMESPACE));

  it('takes its pace and no memory', { timeout: 120_000 }, () => {
    const node = [process.execPath, '--expose-gc', SCRIPT, RANGE, String(RATE), ...HOSTS];
    const output = execFileSync('ip', ['netns', 'exec', NAMESPACE, ...node], { encoding: 'utf8', timeout: 110_000 });
    const { found, hostsUp, tried, seconds, samples } = JSON.parse(output);
    expect(found).toEqual(HOSTS.map((host) => `${host} ssh`));
    expect(hostsUp).toBe(HOSTS.length);
    expect(seconds).toBeGreaterThan(tried / RATE - 0.5);
    // A connect that nobody answers is waited for a second; a busy machine may hold the scan up.
    expect(seconds).toBeLessThan((tried / RATE) * 2 + 10);
    // Both in the midst of it: at the very end nothing is waited for any more.
    const [first, last] = [samples[1], samples.at(-2)];
    if (process.env['PAM_SILENT_RANGE'] !== undefined) console.log(JSON.stringify({ tried, seconds, first, last }));
    expect(last.share).toBeGreaterThan(0.8);
    expect(last.heapMib - first.heapMib).toBeLessThan(4);
    expect(last.residentMib - first.residentMib).toBeLessThan(64);
  });
});
