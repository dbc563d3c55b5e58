/** inclavare: the operator's and developer's tool. */
import { type Program, runProgram, VERSION } from "@inclavare/cli";
import { bundleCommand } from "./commands/bundle.ts";
import { convertCommand } from "./commands/convert.ts";
import { demoCommand } from "./commands/demo.ts";
import { createDoctorCommand } from "./commands/doctor.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { keygenCommand } from "./commands/keygen.ts";
import { measureCommand } from "./commands/measure.ts";
import { signCommand } from "./commands/sign.ts";

const program: Program = {
  name: "inclavare",
  summary: "makes, measures and signs TEE images, and looks after the machines that run them",
  version: VERSION,
  commands: [
    createDoctorCommand(process.env),
    keygenCommand,
    convertCommand,
    measureCommand,
    signCommand,
    inspectCommand,
    bundleCommand,
    demoCommand,
  ],
};

process.exitCode = await runProgram(program, process.argv.slice(2), process);
