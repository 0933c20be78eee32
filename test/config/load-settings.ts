import { join } from 'node:path';
import { Command } from 'commander';
import { stringify } from 'yaml';
import {
  addSettingsFlags,
  type FlagTexts,
  loadSettings,
  type Settings,
  type System,
  settingsFlags,
} from '../../src/config/index.ts';
import { temporaryDirectories, writePrivate } from './temporary-directory.ts';

/** A fresh directory for each call. */
export const newDirectory = temporaryDirectories();
/** Bytes. */
export const GIB = 1024 ** 3;
/** A machine that every test agrees on. */
export const system: System = {
  isRoot: false,
  home: '/home/ada',
  hostName: 'server-1',
  workingDirectory: '/work-here',
  memoryBytes: 16 * GIB,
  memoryBytesAllowed: 0,
  onTerminal: false,
};

/** What one test gives: flags as typed, environment, and the settings file as data or text. */
export interface Given {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly file?: object | string;
  readonly system?: Partial<System>;
}

/** Flags as commander hands them over. */
export function parseFlags(args: readonly string[]): FlagTexts {
  const command = addSettingsFlags(new Command('start'))
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  command.parse([...args], { from: 'user' });
  return settingsFlags(command);
}

/** The settings that what is given leads to. */
export function load({ args = [], env = {}, file, system: change = {} }: Given): Settings {
  const text = typeof file === 'string' ? file : stringify(file ?? {});
  const path = file === undefined ? [] : ['--settings', writePrivate(join(newDirectory(), 'settings.yaml'), text)];
  return loadSettings({ flags: parseFlags([...args, ...path]), env, system: { ...system, ...change } });
}
/** The same with the one thing that has no default. */
export const loadWith = (given: Given): Settings =>
  load({ ...given, args: ['--config-file', 'c.json', ...(given.args ?? [])] });
