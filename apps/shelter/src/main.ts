/** shelter: the verifier, off the cloud. */
import { type Program, runProgram, VERSION } from "@inclavare/cli";
import { createAttestCommand } from "./commands/attest.ts";
import { createCollateralCommands } from "./commands/collateral.ts";
import { createExplainCommand } from "./commands/explain.ts";
import { createKeyCommands } from "./commands/key.ts";
import { createPolicyCommands } from "./commands/policy.ts";
import { createReferenceCommands } from "./commands/reference.ts";
import { tokenVerifyCommand } from "./commands/token.ts";
import { createVerifyCommand } from "./commands/verify.ts";
import { defaultStateDirectory } from "./state-directory.ts";

const state = defaultStateDirectory(process.env);

const program: Program = {
  name: "shelter",
  summary: "verifies evidence, records what workloads are expected to be, and attests them",
  version: VERSION,
  commands: [
    createVerifyCommand(state),
    createAttestCommand(state),
    ...createReferenceCommands(state),
    ...createCollateralCommands(state),
    createExplainCommand(state),
    ...createPolicyCommands(state),
    ...createKeyCommands(state),
    tokenVerifyCommand,
  ],
};

process.exitCode = await runProgram(program, process.argv.slice(2), process);
