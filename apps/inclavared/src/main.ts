/** inclavared: the node's attestation proxy, between workloads and verifiers. */
import { type Program, runProgram, VERSION } from "@inclavare/cli";
import { serveCommand } from "./serve.ts";

const program: Program = {
  name: "inclavared",
  summary: "serves this node's workloads to verifiers; relays their proofs, and vouches for nothing",
  version: VERSION,
  commands: [serveCommand],
};

process.exitCode = await runProgram(program, process.argv.slice(2), process);
