/** A flag of a command. Leaving it out gives `undefined`, or `false` for a boolean, or `[]` where it is repeatable. */
export interface OptionSpec {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** May be given several times; never split at commas. */
  readonly multiple?: boolean;
  /** What stands for the value in the help: `FILE`. */
  readonly value?: string;
  readonly help: string;
  /** The only values that are taken. */
  readonly choices?: readonly string[];
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** What a run writes to: results go to stdout, words for people to stderr. */
export interface Output {
  write(text: string): unknown;
  on?(event: "error", listener: (error: NodeJS.ErrnoException) => void): unknown;
}

type OptionValue<S extends OptionSpec> = S["multiple"] extends true
  ? readonly string[]
  : S["type"] extends "boolean"
    ? boolean
    : string | undefined;

export interface CommandContext<T extends OptionTable = OptionTable> {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly values: { readonly [K in keyof T]: OptionValue<T[K]> };
  readonly positionals: readonly string[];
}

/**
 * One command. `positionals` names them for the help and fixes their number: `"FILE"` is required, `"DIR?"` may be
 * left out, `"ARG..."` (last) takes all that remain.
 */
export interface Command<T extends OptionTable = OptionTable> {
  /** One or more words: `verify`, `reference add`. */
  readonly name: string;
  readonly summary: string;
  /** Not in the program's help: for the program itself. */
  readonly isHidden?: true;
  readonly positionals: readonly string[];
  readonly options: T;
  /** Further text for the command's help, such as an example. */
  readonly notes?: string;
  /** @returns the exit code; nothing means 0. Throws `InclavareError`s, which the caller prints and maps. */
  run(context: CommandContext<T>): Promise<number | undefined> | Promise<void>;
}

/** Gives a command its types from its own option table, then forgets them, so that commands fit in one list. */
export function defineCommand<const T extends OptionTable>(command: Command<T>): Command {
  return command;
}

export interface Program {
  readonly name: string;
  readonly summary: string;
  readonly version: string;
  readonly commands: readonly Command[];
}
