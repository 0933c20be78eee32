import { parseDocument } from 'yaml';
import { type Mistake, showValue, suggestName } from '../mistakes.ts';
import type { FlagTexts } from './flags.ts';
import { allSettings, type Setting, settingKey } from './table.ts';
import type { ValueForm } from './value-kind.ts';

/** Pure: the three places a setting can come from, each turned into texts by setting, with the mistakes that have nothing to do with a value. */

/** One place where settings come from. */
export interface SettingSource {
  /** Paths in it are relative to this directory; undefined: to the working directory. */
  readonly directory: string | undefined;
  /** The texts that stand for a setting here; undefined: it is not set here. Adds a mistake where they have the wrong form. */
  texts(setting: Setting<unknown>, mistakes: Mistake[]): readonly string[] | undefined;
  /** How messages name the setting in this source. */
  where(setting: Setting<unknown>): string;
}

/** The environment of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Flags as they were given. */
export function flagSource(flags: FlagTexts): SettingSource {
  return {
    directory: undefined,
    where: (setting) => `--${settingKey(setting) ?? ''}`,
    texts: (setting) => flags.get(settingKey(setting) ?? ''),
  };
}

/** Variables of the environment. Empty means not set, as container tools leave them; lists are separated by commas. */
export function environmentSource(env: Environment): SettingSource {
  return {
    directory: undefined,
    where: ({ env: name }) => `environment variable ${name}`,
    texts: (setting) => {
      const text = env[setting.env]?.trim();
      if (text === undefined || text === '') return undefined;
      if (setting.kind.form !== 'list') return [text];
      const entries = text.split(',').map((entry) => entry.trim());
      return entries.filter((entry) => entry !== '');
    },
  };
}

/** Names that Kubernetes and Docker set for a service whose name begins with "gateway". */
const SERVICE_LINK = /_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT(?:_\d+_(?:TCP|UDP)(?:_[A-Z]+)?)?)$/;

/** Variables that begin like ours and are none of them: a typing mistake would otherwise go unnoticed. */
export function unknownVariables(env: Environment): readonly Mistake[] {
  const known = allSettings.map((setting) => setting.env);
  const unknown = Object.keys(env).filter(
    (name) => name.startsWith('GATEWAY_') && !known.includes(name) && !SERVICE_LINK.test(name),
  );
  return unknown.sort().flatMap((name) => {
    const meant = suggestName(name, known);
    const where = `environment variable ${name}`;
    return meant === '' ? [] : [{ where, problem: 'there is no such setting', remedy: `Did you mean ${meant}?` }];
  });
}

/** A settings file, and what is wrong with it as a whole. */
export interface FileSource {
  readonly source: SettingSource;
  readonly mistakes: readonly Mistake[];
}

/** The settings in YAML text. Unknown keys are named without their values: the file may be another one, with secrets in it. */
export function fileSource(text: string, path: string, directory: string): FileSource {
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys: true });
  const position = (offset: number): string => `line ${text.slice(0, offset).split('\n').length}`;
  const broken = document.errors.map(({ code, pos }) => {
    const problem =
      code === 'DUPLICATE_KEY'
        ? 'the same key stands there twice'
        : `is not YAML (${code.toLowerCase().replaceAll('_', ' ')})`;
    return {
      where: `${path}, ${position(pos[0])}`,
      problem,
      remedy: 'Correct that line; quote values that contain [ ] { } : or #.',
    };
  });
  const raw: unknown = broken.length > 0 ? {} : readYaml(() => document.toJS({ maxAliasCount: 10 }));
  const values = isMapping(raw) ? raw : {};
  const wrongKind = raw === null || isMapping(raw) ? [] : [wholeFileMistake(path, raw)];
  const source: SettingSource = {
    directory,
    where: (setting) => `${path}: ${settingKey(setting) ?? ''}`,
    texts: (setting, mistakes) => {
      const key = setting.inFile ? settingKey(setting) : null;
      if (key === null || !Object.hasOwn(values, key)) return undefined;
      const texts = yamlTexts(values[key], setting.kind.form);
      if (Array.isArray(texts)) return texts;
      const shown = values[key] === null ? 'has no value' : `${showValue(values[key])} is of the wrong type`;
      mistakes.push({
        where: `${path}: ${key}`,
        problem: `${shown}; expected ${setting.kind.expected}`,
        remedy: setting.kind.remedy,
      });
      return undefined;
    },
  };
  return { source, mistakes: [...broken, ...wrongKind, ...unknownKeys(Object.keys(values), path)] };
}

function readYaml(read: () => unknown): unknown {
  try {
    return read();
  } catch {
    return 'too many aliases';
  }
}

function wholeFileMistake(path: string, raw: unknown): Mistake {
  return {
    where: path,
    problem: `holds ${Array.isArray(raw) ? 'a list' : 'text'}; expected settings`,
    remedy: 'Write one "name: value" per line.',
  };
}

function unknownKeys(keys: readonly string[], path: string): readonly Mistake[] {
  const known = allSettings.flatMap((setting) => (setting.inFile ? (settingKey(setting) ?? []) : []));
  return keys.flatMap((key, index) => {
    if (known.includes(key)) return [];
    const meant = suggestName(key, known);
    const shown = /^[A-Za-z][A-Za-z0-9_-]{0,31}$/.test(key) ? key : `key number ${index + 1}`;
    const remedy = meant === '' ? `Remove it; the settings are ${known.join(', ')}.` : `Did you mean "${meant}"?`;
    return [{ where: `${path}: ${shown}`, problem: 'there is no such setting', remedy }];
  });
}

/** The texts of a YAML value, or undefined where its type is wrong for the form. */
function yamlTexts(value: unknown, form: ValueForm): readonly string[] | undefined {
  switch (form) {
    case 'text':
      return typeof value === 'string' ? [value] : undefined;
    case 'number':
      return typeof value === 'number' ? [String(value)] : undefined;
    case 'switch':
      return typeof value === 'boolean' ? [String(value)] : undefined;
    case 'list':
      return yamlList(value);
  }
}

/** A list of texts, one text, or a mapping whose entries read as KEY=VALUE. */
function yamlList(value: unknown): readonly string[] | undefined {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.every((item) => typeof item === 'string') ? value : undefined;
  if (!isMapping(value)) return undefined;
  const entries = Object.entries(value);
  return entries.every(([, text]) => typeof text === 'string')
    ? entries.map(([key, text]) => `${key}=${String(text)}`)
    : undefined;
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
