import { parseArgs } from "node:util";
import { InclavareError } from "@inclavare/errors";
import type { Command, CommandContext, OptionTable, Program } from "./command.ts";

export interface Invocation {
  readonly command: Command;
  readonly values: CommandContext["values"];
  readonly positionals: readonly string[];
}

/** Finds the command whose name has the most words in common with the start of `argv`. */
export function findCommand(program: Program, argv: readonly string[]): Command | undefined {
  const matches = program.commands.filter((command) => {
    const words = command.name.split(" ").filter((word) => word !== "");
    return words.every((word, index) => argv[index] === word);
  });
  return matches.toSorted((a, b) => b.name.length - a.name.length)[0];
}

/** @throws InclavareError ERR_USAGE for a flag or a number of arguments that the command does not take. */
export function parseInvocation(program: Program, command: Command, argv: readonly string[]): Invocation {
  const words = command.name === "" ? 0 : command.name.split(" ").length;
  const { values, positionals } = parseFlags(command, argv.slice(words));
  checkPositionals(program, command, positionals);
  return { command, values: withDefaults(command.options, values), positionals };
}

function parseFlags(
  command: Command,
  args: readonly string[],
): { values: Record<string, unknown>; positionals: string[] } {
  const options = Object.fromEntries(
    Object.entries(command.options).map(([key, { type, short, multiple }]) => [
      key,
      { type, ...(short === undefined ? {} : { short }), ...(multiple === true ? { multiple } : {}) },
    ]),
  );
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const [first = "wrong arguments"] = (error instanceof Error ? error.message : "").split(". ");
    throw new InclavareError("ERR_USAGE", first.charAt(0).toLowerCase() + first.slice(1));
  }
}

function checkPositionals(program: Program, command: Command, given: readonly string[]): void {
  const required = command.positionals.filter((name) => !/[?.]$/u.test(name));
  const open = command.positionals.at(-1)?.endsWith("...") === true;
  const missing = required[given.length];
  if (given.length < required.length && missing !== undefined) {
    throw new InclavareError("ERR_USAGE", `${program.name} ${command.name}: ${missing} is missing`);
  }
  const surplus = given[command.positionals.length];
  if (!open && surplus !== undefined) {
    throw new InclavareError("ERR_USAGE", `${program.name} ${command.name}: surplus argument "${surplus}"`);
  }
}

function withDefaults(table: OptionTable, given: Record<string, unknown>): CommandContext["values"] {
  const values: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(table)) {
    const value = given[key] ?? (option.multiple === true ? [] : option.type === "boolean" ? false : undefined);
    if (option.choices !== undefined && typeof value === "string" && !option.choices.includes(value)) {
      throw new InclavareError("ERR_USAGE", `--${key} is "${value}", expected one of ${option.choices.join(", ")}`);
    }
    values[key] = value;
  }
  return values as CommandContext["values"];
}
