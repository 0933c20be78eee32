// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what looks like a template is shell
/** Pure: completion scripts for shells, made from the command tree. */
import type { Command } from 'commander';

/** Shells that a script is made for. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
/** A shell that a script is made for. */
export type Shell = (typeof SHELLS)[number];

/** What may follow a command. */
interface Node {
  /** The words before, without the program's name, joined by spaces. */
  readonly path: string;
  readonly commands: readonly { readonly name: string; readonly summary: string }[];
  readonly flags: readonly { readonly flag: string; readonly summary: string }[];
}

/** The completion script of the program for a shell. */
export function formatCompletion(program: Command, shell: Shell): string {
  const nodes = listNodes(program, '');
  switch (shell) {
    case 'bash':
      return formatBash(program.name(), nodes);
    case 'zsh':
      return formatZsh(program.name(), nodes);
    case 'fish':
      return formatFish(program.name(), nodes);
  }
}

function listNodes(command: Command, path: string): readonly Node[] {
  const commands = command.commands.map((child) => ({ name: child.name(), summary: child.description() }));
  const options = command.options.map((option) => ({
    flag: option.long ?? option.short ?? '',
    summary: option.description,
  }));
  const flags = [...options.filter(({ flag }) => flag !== ''), { flag: '--help', summary: 'show this help' }];
  const below = command.commands.flatMap((child) => listNodes(child, `${path} ${child.name()}`.trim()));
  return [{ path, commands, flags }, ...below];
}

function wordsOf({ commands, flags }: Node): string {
  return [...commands.map(({ name }) => name), ...flags.map(({ flag }) => flag)].join(' ');
}

function formatWordTable(nodes: readonly Node[]): readonly string[] {
  return nodes.map((node) => `    '${node.path}') line_words='${wordsOf(node)}' ;;`);
}

function formatPathSearch(nodes: readonly Node[], words: string): readonly string[] {
  const paths = nodes.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  return [
    `  for word in ${words}; do`,
    '    case "${line_path:+$line_path }$word" in',
    `      ${paths.join('|')}) line_path="\${line_path:+$line_path }$word" ;;`,
    '    esac',
    '  done',
  ];
}

function formatBash(name: string, nodes: readonly Node[]): string {
  return [
    `# Completion of ${name} for bash. Load it with: source <(${name} completion bash)`,
    `_${name}_completion() {`,
    "  local word line_path='' line_words='' current=\"${COMP_WORDS[COMP_CWORD]}\"",
    ...formatPathSearch(nodes, '"${COMP_WORDS[@]:1:COMP_CWORD-1}"'),
    '  case "$line_path" in',
    ...formatWordTable(nodes),
    '  esac',
    '  COMPREPLY=($(compgen -W "$line_words" -- "$current"))',
    '}',
    `complete -o default -F _${name}_completion ${name}`,
  ].join('\n');
}

function formatZsh(name: string, nodes: readonly Node[]): string {
  return [
    `#compdef ${name}`,
    `# Completion of ${name} for zsh. Load it with: source <(${name} completion zsh)`,
    `_${name}_completion() {`,
    "  local word line_path='' line_words=''",
    ...formatPathSearch(nodes, '"${(@)words[2,CURRENT-1]}"'),
    '  case "$line_path" in',
    ...formatWordTable(nodes),
    '  esac',
    '  compadd -- ${=line_words}',
    '  _files',
    '}',
    `compdef _${name}_completion ${name}`,
  ].join('\n');
}

function formatFish(name: string, nodes: readonly Node[]): string {
  const lines = nodes.flatMap(({ path, commands, flags }) => [
    ...commands.map((child) => fishLine(name, path, `-f -a ${quote(child.name)} -d ${quote(child.summary)}`)),
    ...flags.map(({ flag, summary }) => fishLine(name, path, `-l ${flag.replace(/^--/, '')} -d ${quote(summary)}`)),
  ]);
  const known = nodes.filter(({ path }) => path !== '').map(({ path }) => quote(path));
  return [
    `# Completion of ${name} for fish. Load it with: ${name} completion fish | source`,
    `function __${name}_path`,
    "    set -l path ''",
    '    for word in (commandline -opc)[2..-1]',
    '        set -l next (string trim -- "$path $word")',
    `        if contains -- "$next" ${known.join(' ')}`,
    '            set path $next',
    '        end',
    '    end',
    '    test "$path" = "$argv[1]"',
    'end',
    ...lines,
  ].join('\n');
}

function fishLine(name: string, path: string, rest: string): string {
  return `complete -c ${name} -n '__${name}_path "${path}"' ${rest}`;
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
