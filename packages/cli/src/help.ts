import type { Command, OptionSpec, Program } from "./command.ts";

export function formatProgramHelp(program: Program): string {
  const shown = program.commands.filter(({ isHidden }) => isHidden !== true);
  const rows = shown.map((command) => [synopsis(command), command.summary] as const);
  return [
    `${program.name}: ${program.summary}`,
    "",
    `usage: ${program.name} COMMAND [OPTION]... [ARGUMENT]...`,
    "",
    "commands:",
    ...columns(rows),
    "",
    `'${program.name} COMMAND --help' tells more; '${program.name} --version' tells the version.`,
    "",
  ].join("\n");
}

export function formatCommandHelp(program: Program, command: Command): string {
  const rows = Object.entries(command.options).map(
    ([key, option]) => [optionLabel(key, option), optionHelp(option)] as const,
  );
  const lines = [`usage: ${program.name} ${synopsis(command)} [OPTION]...`, "", command.summary];
  if (rows.length > 0) lines.push("", "options:", ...columns(rows));
  if (command.notes !== undefined) lines.push("", command.notes);
  return `${lines.join("\n")}\n`;
}

function synopsis(command: Command): string {
  const words = command.positionals.map((name) => (/[?.]$/u.test(name) ? `[${name.replace(/\?$/u, "")}]` : name));
  return [command.name, ...words].join(" ").trim();
}

function optionLabel(key: string, option: OptionSpec): string {
  const short = option.short === undefined ? "" : `-${option.short}, `;
  return `${short}--${key}${option.type === "string" ? ` ${option.value ?? "VALUE"}` : ""}`;
}

function optionHelp(option: OptionSpec): string {
  const choices = option.choices === undefined ? "" : ` (${option.choices.join(", ")})`;
  return `${option.help}${choices}${option.multiple === true ? "; may be repeated" : ""}`;
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.min(34, Math.max(...rows.map(([left]) => left.length)));
  return rows.map(([left, right]) =>
    left.length > width ? `  ${left}\n  ${" ".repeat(width)}  ${right}` : `  ${left.padEnd(width)}  ${right}`,
  );
}
