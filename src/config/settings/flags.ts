import { type Command, Option } from 'commander';
import { allSettings, type Setting, settingKey } from './table.ts';

/** The flags of `gateway start`, made from the table; values stay text, for `loadSettings` to judge all at once. */

/** What was given on the command line: by the setting's key, in the order given. */
export type FlagTexts = ReadonlyMap<string, readonly string[]>;

/** Declares a flag for every setting. */
export function addSettingsFlags(command: Command): Command {
  for (const setting of allSettings) if (setting.flag !== null) command.addOption(flagOption(setting, setting.flag));
  return command;
}

/** What the user gave of those flags. Call it when the command has been parsed. */
export function settingsFlags(command: Command): FlagTexts {
  const given = new Map<string, readonly string[]>();
  for (const option of command.options) {
    const key = option.name();
    const isGiven = command.getOptionValueSource(option.attributeName()) === 'cli';
    if (isGiven && allSettings.some((setting) => settingKey(setting) === key)) {
      given.set(key, flagTexts(option, command.getOptionValue(option.attributeName())));
    }
  }
  return given;
}

function flagOption(setting: Setting<unknown>, flag: string): Option {
  const otherwise = setting.otherwise === null ? '' : ` (default: ${setting.otherwise})`;
  const option = new Option(flag, `${setting.help}${otherwise}`);
  if (setting.kind.form !== 'list') return option;
  return option.argParser((text: string, before: unknown) => [...(Array.isArray(before) ? before : []), text]);
}

/** A switch given is true, whichever way commander stores it: `--no-mdns` arrives as `mdns: false`. */
function flagTexts(option: Option, value: unknown): readonly string[] {
  if (option.isBoolean() || option.negate) return ['true'];
  return Array.isArray(value) ? value.map(String) : [String(value)];
}
