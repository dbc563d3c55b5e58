export {
  type Command,
  type CommandContext,
  defineCommand,
  type OptionSpec,
  type OptionTable,
  type Output,
  type Program,
} from "./command.ts";
export { runProgram } from "./run.ts";
export { VERSION } from "./version.ts";
export { printJson, printTable } from "./table.ts";
