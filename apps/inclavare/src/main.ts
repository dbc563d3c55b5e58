/** inclavare: the operator's and developer's tool. */
import { runProgram } from "@inclavare/cli";
import { createProgram } from "./program.ts";

process.exitCode = await runProgram(createProgram(process.env), process.argv.slice(2), process);
