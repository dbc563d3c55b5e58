/** shelter: the verifier, off the cloud. */
import { type Program, runProgram, VERSION } from "@inclavare/cli";
import { verifyCommand } from "./commands/verify.ts";

const program: Program = {
  name: "shelter",
  summary: "verifies evidence, records what workloads are expected to be, and attests them",
  version: VERSION,
  commands: [verifyCommand],
};

process.exitCode = await runProgram(program, process.argv.slice(2), process);
