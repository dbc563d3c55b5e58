import { formatForPerson, InclavareError, toExitCode } from "@inclavare/errors";
import type { Output, Program } from "./command.ts";
import { formatCommandHelp, formatProgramHelp } from "./help.ts";
import { findCommand, parseInvocation } from "./parse.ts";

/**
 * Parses `argv` (without node and script), runs the command and turns what it throws into words on stderr and an exit
 * code. A program whose only command has an empty name takes its flags directly.
 */
export async function runProgram(
  program: Program,
  argv: readonly string[],
  io: { readonly stdout: Output; readonly stderr: Output },
): Promise<number> {
  // A reader that has seen enough (`| head`) is no failure of ours.
  for (const output of [io.stdout, io.stderr]) {
    output.on?.("error", (error) => {
      if (error.code !== "EPIPE") throw error;
    });
  }
  try {
    return await run(program, argv, io);
  } catch (error) {
    io.stderr.write(`${program.name}: ${formatForPerson(error)}\n`);
    return toExitCode(error);
  }
}

async function run(
  program: Program,
  argv: readonly string[],
  io: { readonly stdout: Output; readonly stderr: Output },
): Promise<number> {
  if (argv[0] === "--version" || argv[0] === "-v") {
    io.stdout.write(`${program.name} version ${program.version}\n`);
    return 0;
  }
  const command = findCommand(program, argv);
  const own = argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv;
  if (own.includes("--help") || own.includes("-h") || argv[0] === "help") {
    const direct = command ?? findCommand(program, argv.slice(1));
    io.stdout.write(direct === undefined ? formatProgramHelp(program) : formatCommandHelp(program, direct));
    return 0;
  }
  if (command === undefined) {
    const word = argv[0] === undefined ? "a command is missing" : `unknown command "${argv[0]}"`;
    throw new InclavareError("ERR_USAGE", `${word}; '${program.name} --help' lists them`);
  }
  const { values, positionals } = parseInvocation(program, command, argv);
  return (await command.run({ ...io, values, positionals })) ?? 0;
}
