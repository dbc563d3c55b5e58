import type { Check } from "../check.ts";
import { expect, expectEqual } from "../finding.ts";
import type { ShowingProgram } from "../profile.ts";
import type { Trial } from "../trial.ts";

const ODD_ARGUMENTS = ["", "two words", "", " ", "a\tb\nc", "'quoted' \"twice\" \\", "ä€😀", "-n", ""];
const ODD_VARIABLES = ["CHECK_SPACES=two words", "CHECK_EMPTY=", "CHECK_EQUALS=a=b", "CHECK_UTF8=ä€😀"];
const LARGE_BYTES = 64 << 10;
/** Every byte there is, several times. */
const INPUT = Uint8Array.from({ length: 4096 }, (_, index) => index & 0xff);

function shown({ shows }: ShowingProgram, texts: readonly string[]): string {
  return texts.map((text) => shows.replaceAll("{}", () => text)).join("");
}

async function expectArguments(trial: Trial, args: readonly string[]): Promise<void> {
  const program = trial.program("arguments");
  const { output, status } = await trial.run(program, { args });
  expectEqual(output, shown(program, args), `what ${program.path} shows of ${args.length} arguments`);
  expectEqual(status, 0, `the exit value of ${program.path}`);
}

export const inputChecks: readonly Check[] = [
  {
    name: "arguments",
    specification: "argv is an array: empty arguments, spaces and any other bytes reach the process as they are.",
    requires: "exit-value",
    programs: ["arguments"],
    run: (trial) => expectArguments(trial, ODD_ARGUMENTS),
  },
  {
    name: "large-arguments",
    specification: "Arguments of at least 64 KiB, as one or as many, reach the process.",
    requires: "arguments",
    programs: ["arguments"],
    async run(trial) {
      await expectArguments(trial, ["x".repeat(LARGE_BYTES)]);
      await expectArguments(
        trial,
        Array.from({ length: 1024 }, (_, index) => `${index}`.padStart(64, "0")),
      );
    },
  },
  {
    name: "environment",
    specification: "env is an array of NAME=value, which reaches the process as it is.",
    requires: "exit-value",
    since: 2,
    programs: ["environment"],
    async run(trial) {
      const program = trial.program("environment");
      const { output } = await trial.run(program, { env: ODD_VARIABLES });
      const missing = ODD_VARIABLES.filter((variable) => !output.includes(shown(program, [variable])));
      expect(
        missing.length === 0,
        `${program.path} does not have ${missing.map((text) => JSON.stringify(text)).join(", ")}`,
      );
    },
  },
  {
    name: "standard-streams",
    specification: "stdio holds the descriptors that are the process's standard input, output and error.",
    requires: "exit-value",
    programs: ["copies"],
    async run(trial) {
      const process = await trial.create(trial.program("copies"), { input: INPUT });
      const { output, errors } = await process.exec();
      expectEqual(output, Buffer.from(INPUT).toString("utf8"), "what was copied from standard input");
      expectEqual(errors, "", "standard error of a program that writes none");
    },
  },
  {
    name: "standard-error",
    specification: "Standard output and standard error are two descriptors.",
    requires: "exit-value",
    programs: ["complains"],
    async run(trial) {
      const program = trial.program("complains");
      const { output, errors } = await trial.run(program);
      expect(errors.includes(program.shows), `standard error is ${JSON.stringify(errors)}, expected ${program.shows}`);
      expectEqual(output, "", "standard output of a program that writes to standard error");
    },
  },
];
