/** inclavare: the operator's and developer's tool. */
import { runProgram } from "@inclavare/cli";
import { createProgram } from "./program.ts";

const [, script = "", ...args] = process.argv;
const program = createProgram(process.env, [process.execPath, ...process.execArgv, script]);
process.exitCode = await runProgram(program, args, process);
