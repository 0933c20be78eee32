import { type Command, Option } from 'commander';
import { GatewayError } from '../../../base/errors.ts';
import { ADDRESS_LENGTH_MAX, LABELS_MAX, NAME_LENGTH_MAX } from '../../../wire/bounds.ts';
import type { Label } from '../../../wire/member-record.ts';
import { TARGET_TYPES, type TargetRecord } from '../../../wire/record.ts';
import { collect, parseLabel, parseNumber, parseText, parseWord } from '../../frame/flags.ts';

/** Flags that describe a record, as typed. */
export interface FieldOptions {
  readonly type?: string;
  readonly title?: string;
  readonly host?: string;
  readonly port?: string;
  readonly protocol?: string;
  readonly user?: string;
  readonly label: readonly string[];
  readonly on?: string;
}

/** What those flags can set. */
export type RecordFields = Pick<TargetRecord, 'type' | 'title' | 'host' | 'port' | 'protocol' | 'user' | 'labels'>;

const PORT_MAX = 65_535;

/** Adds the flags. */
export function addFieldOptions(command: Command): Command {
  return command
    .option('--type <TYPE>', TARGET_TYPES.join(', '))
    .option('--title <TITLE>', 'what people call it')
    .option('--host <HOST>', 'name or address, as the gateway instances see it')
    .option('--port <PORT>', 'TCP port')
    .option('--protocol <PROTOCOL>', 'tcp, ssh, postgres, mysql, … (default: by the port, else tcp)')
    .option('--user <USER>', 'login name at the target')
    .addOption(
      new Option('--label <KEY=VALUE>', 'what the record is searched by (repeatable)')
        .default([], 'none')
        .argParser(collect),
    )
    .option('--on <RECORD>', 'machine, database or directory that this account is on: id or unique title');
}

/** The fields that were given, each checked; which record `--on` means only the pool knows. Throws `bad-usage`. */
export function parseFields(options: FieldOptions): Partial<RecordFields> {
  const { type, title, host, port, protocol, user, label, on } = options;
  if (on !== undefined) parseText(on, { flag: '--on', max: NAME_LENGTH_MAX });
  return {
    ...(type === undefined ? {} : { type: parseWord(type, '--type', TARGET_TYPES) }),
    ...(title === undefined ? {} : { title: parseText(title, { flag: '--title', max: NAME_LENGTH_MAX }) }),
    ...(host === undefined ? {} : { host: parseHost(host) }),
    ...(port === undefined ? {} : { port: parseNumber(port, { flag: '--port', min: 1, max: PORT_MAX }) }),
    ...(protocol === undefined ? {} : { protocol: parseProtocol(protocol) }),
    ...(user === undefined ? {} : { user: parseText(user, { flag: '--user', max: NAME_LENGTH_MAX }) }),
    ...(label.length === 0 ? {} : { labels: parseLabels(label) }),
  };
}

function parseHost(text: string): string {
  const host = parseText(text, { flag: '--host', max: ADDRESS_LENGTH_MAX }).replace(/^\[([^\]]+)\]$/, '$1');
  if (!/[\s/@]/.test(host)) return host;
  throw new GatewayError('bad-usage', `--host: "${host}" is not a host name or address`, {
    remedy: 'Write the name alone; the port goes to --port.',
  });
}

function parseProtocol(text: string): string {
  if (/^[a-z][a-z0-9-]{0,31}$/.test(text)) return text;
  throw new GatewayError('bad-usage', `--protocol: "${text}" is not a protocol`, {
    remedy: 'Write for example tcp, ssh, postgres or mysql.',
  });
}

function parseLabels(texts: readonly string[]): readonly Label[] {
  if (texts.length > LABELS_MAX)
    throw new GatewayError('bad-usage', `--label: ${texts.length} labels; at most ${LABELS_MAX}`);
  const labels = texts.map((text) => parseLabel(text, '--label'));
  for (const { key, value } of labels) {
    parseText(key, { flag: '--label', max: NAME_LENGTH_MAX });
    parseText(value, { flag: '--label', max: NAME_LENGTH_MAX });
  }
  const twice = labels.find(({ key }, index) => labels.findIndex((other) => other.key === key) !== index);
  if (twice !== undefined) throw new GatewayError('bad-usage', `--label: "${twice.key}" is given twice`);
  return labels;
}
