import type { Command, Option } from 'commander';

/** One word that may stand at the cursor. */
export interface Candidate {
  readonly word: string;
  readonly about: string;
}

/**
 * What may follow on a command line: verbs, options, and values of options and arguments that have a fixed set. Empty
 * where a file or free text is wanted: the shell then offers files. Pure.
 * @param words after the program's name; the last one is being typed, and may be empty
 */
export function candidates(program: Command, words: readonly string[]): Candidate[] {
  const typed = words.at(-1) ?? '';
  const line = readLine(
    program,
    words.slice(0, -1).filter((word) => word !== '='),
  );
  const current = typed === '=' ? '' : typed;
  if (line.pending) return startingWith(current, choicesOf(line.pending.argChoices));
  const inline = /^(--[^=]+)=(.*)$/.exec(current);
  if (inline) {
    const choices = choicesOf(line.options.find(({ long }) => long === inline[1])?.argChoices);
    return startingWith(
      current,
      choices.map(({ word, about }) => ({ word: `${inline[1]}=${word}`, about })),
    );
  }
  if (current.startsWith('-') && !line.isOver) return startingWith(current, optionsOf(line));
  if (line.operands === 0 && line.command.commands.length > 0)
    return startingWith(current, subcommandsOf(line.command));
  const argument = line.command.registeredArguments[line.operands] ?? line.command.registeredArguments.at(-1);
  return startingWith(current, choicesOf(argument?.argChoices));
}

interface Line {
  readonly command: Command;
  /** Of the command and of all above it. */
  readonly options: readonly Option[];
  readonly given: ReadonlySet<Option>;
  readonly operands: number;
  /** The option whose value is being typed. */
  readonly pending?: Option;
  /** `--` was there. */
  readonly isOver: boolean;
}

/** Follows the words that are complete. */
function readLine(program: Command, words: readonly string[]): Line {
  let command = program;
  let options = [...program.options];
  let operands = 0;
  let pending: Option | undefined;
  let isOver = false;
  const given = new Set<Option>();
  for (const word of words) {
    if (pending) {
      pending = undefined;
    } else if (word === '--') {
      isOver = true;
    } else if (word.startsWith('-') && !isOver) {
      const option = options.find(({ long, short }) => [long, short].includes(word.replace(/=.*$/, '')));
      if (option) given.add(option);
      if (option && (option.required || option.optional) && !word.includes('=')) pending = option;
    } else {
      const child = operands === 0 ? command.commands.find((one) => one.name() === word) : undefined;
      if (child) {
        command = child;
        options = [...options, ...child.options];
      } else operands++;
    }
  }
  return { command, options, given, operands, isOver, ...(pending ? { pending } : {}) };
}

function optionsOf({ options, given, command }: Line): Candidate[] {
  const mayRepeat = (option: Option): boolean => option.variadic || Array.isArray(option.defaultValue);
  const own = options
    .filter((option) => !option.hidden && (!given.has(option) || mayRepeat(option)))
    .map(({ long, short, description }) => ({ word: long ?? short ?? '', about: description }));
  return [...own, { word: '--help', about: `help of ${command.name()}` }];
}

function subcommandsOf(command: Command): Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((child) => ({ word: child.name(), about: child.summary() || child.description() }));
}

function choicesOf(choices: readonly string[] | undefined): Candidate[] {
  return (choices ?? []).map((word) => ({ word, about: '' }));
}

function startingWith(current: string, all: readonly Candidate[]): Candidate[] {
  return all.filter(({ word }) => word.startsWith(current));
}
