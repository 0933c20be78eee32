import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import type { Terminal } from '../../frame/terminal.ts';
import { formatBytes } from '../../frame/text.ts';
import { chooseDataDir } from '../data-dir.ts';
import { defineReportCommand, type ReportOptions } from './define-report.ts';

/** `gateway debug bundle`: one file for a bug report. */
export function bundleCommand(terminal: Terminal): Command {
  return defineReportCommand({
    name: 'bundle',
    summary: 'one file with everything that helps to understand a problem, without secrets',
    examples: ['gateway debug bundle', 'gateway debug bundle -o problem.json'],
  })
    .option('-o, --output <FILE>', 'file to write (default: pam-gateway-NAME-TIME.json here); never overwritten')
    .action((options: ReportOptions & { readonly output?: string }) => bundle(terminal, options));
}

async function bundle(terminal: Terminal, options: ReportOptions & { readonly output?: string }): Promise<void> {
  const { askControl, redact } = await import('../../../api/client.ts');
  const directory = await chooseDataDir(options.dataDir, terminal.env);
  const status = await askControl(directory, { kind: 'status' }, terminal.signal);
  // Redacted by the instance already; once more costs nothing, and an older instance may know fewer names of secrets.
  const content = redact(await askControl(directory, { kind: 'bundle' }, terminal.signal));
  if (options.json === true && options.output === undefined) return terminal.printJson(content);
  const path = resolve(options.output ?? defaultName(status.name));
  const text = `${JSON.stringify(content, undefined, 2)}\n`;
  await writeNew(path, text);
  if (options.json === true) return terminal.printJson({ path, sizeBytes: Buffer.byteLength(text) });
  terminal.print(`${path} (${formatBytes(Buffer.byteLength(text))}): secrets are removed; read it before you send it.`);
}

function defaultName(instance: string): string {
  const time = new Date().toISOString().replace(/[-:]/g, '').slice(0, 15);
  return `pam-gateway-${instance.replace(/[^A-Za-z0-9._-]/g, '_')}-${time}.json`;
}

async function writeNew(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    if (code === 'EEXIST')
      throw new GatewayError('already-exists', `${path} exists already`, { remedy: 'Name another file with -o.' });
    throw new GatewayError('storage-failed', `${path} cannot be written (${code})`, {
      remedy: 'Name another file with -o.',
      cause,
    });
  }
}
