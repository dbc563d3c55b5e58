/** attesterd: the node's measuring and quoting service, outside of every container. */
import { type Program, runProgram, VERSION } from "@inclavare/cli";
import { initCommand } from "./commands/init.ts";
import { rootCommand } from "./commands/root.ts";
import { serveCommand } from "./commands/serve.ts";

const program: Program = {
  name: "attesterd",
  summary: "measures enclave containers at launch and gives evidence of them",
  version: VERSION,
  commands: [initCommand, serveCommand, rootCommand],
};

process.exitCode = await runProgram(program, process.argv.slice(2), process);
