import { type CommandShape, COMMANDS, GLOBAL_FLAGS } from "./flags.ts";

/** Flags and positionals of one level of a command line, as written, nothing judged yet. */
export interface ParsedFlags {
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly positionals: readonly string[];
  /** What runc would not accept, or knows and we do not: flags without an entry, flags that lack their value. */
  readonly problems: readonly string[];
}

/** A whole command line. */
export interface Invocation {
  readonly globals: ParsedFlags;
  readonly command: string | undefined;
  /** Present for a command of {@link COMMANDS}. */
  readonly flags: ParsedFlags | undefined;
}

/** Takes a command line apart by the rules of runc's flag library. Never throws. */
export function parseInvocation(argv: readonly string[]): Invocation {
  const globals = parseFlags(argv, GLOBAL_FLAGS);
  const [command, ...rest] = globals.positionals;
  const shape = command === undefined ? undefined : COMMANDS.get(command);
  return { globals, command, flags: shape === undefined ? undefined : parseFlags(rest, withHelp(shape)) };
}

/** Every command can be asked for help, whatever else its flags are. */
function withHelp({ flags, short, ...shape }: CommandShape): CommandShape {
  return { ...shape, flags: { help: "switch", ...flags }, short: { h: "help", ...short } };
}

/** As Go's strconv.ParseBool has it. */
const BOOLEAN = /^(?:1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/u;

/** Whether a switch is on; `--flag=false` turns it off. */
export function isOn({ values }: ParsedFlags, name: string): boolean {
  const value = values.get(name)?.at(-1);
  return value !== undefined && !/^(?:false|f|0)$/iu.test(value);
}

export function lastValue({ values }: ParsedFlags, name: string): string | undefined {
  return values.get(name)?.at(-1);
}

/** `-flag value`, `--flag=value`, one letter for some; `--` ends the flags; a lone `-` is a positional. */
function parseFlags(argv: readonly string[], shape: CommandShape): ParsedFlags {
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  const problems: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? "";
    const flag = /^--?([^=-][^=]*)(?:=(.*))?$/su.exec(argument);
    if (argument === "--" || (flag === null && shape.stopsAtPositional === true)) {
      positionals.push(...argv.slice(argument === "--" ? index + 1 : index));
      break;
    }
    if (flag === null) {
      positionals.push(argument);
      continue;
    }
    const name = nameOf(flag[1] ?? "", shape);
    const kind = Object.hasOwn(shape.flags, name) ? shape.flags[name] : undefined;
    let value = flag[2];
    if (kind === undefined) {
      problems.push(`flag provided but not defined: -${name}`);
      continue;
    }
    if (value === undefined && kind === "switch") value = "true";
    if (value === undefined) value = argv[++index];
    if (value === undefined) problems.push(`flag needs an argument: -${name}`);
    else if (kind === "switch" && !BOOLEAN.test(value))
      problems.push(`invalid boolean value "${value}" for -${name}: parse error`);
    else if (kind === "number" && !/^[-+]?\d+$/u.test(value))
      problems.push(`invalid value "${value}" for flag -${name}: parse error`);
    else values.set(name, [...(values.get(name) ?? []), value]);
  }
  return { values, positionals, problems };
}

function nameOf(written: string, shape: CommandShape): string {
  if (Object.hasOwn(shape.flags, written)) return written;
  return Object.hasOwn(shape.short, written) ? (shape.short[written] ?? written) : written;
}
