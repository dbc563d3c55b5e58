/** rune: an OCI runtime. Plain containers are runc's; enclave containers get init-runelet. */
import { createContext, createLog } from "./context.ts";
import { dispatch } from "./dispatch.ts";
import { asksForHelp, failureCode, HELP, HOOK_COMMAND, printVersion } from "./program.ts";
import { isOn, parseInvocation } from "./parse.ts";

const argv = process.argv.slice(2);
const invocation = parseInvocation(argv);

async function main(): Promise<number> {
  const { globals, command } = invocation;
  if (command === HOOK_COMMAND) {
    const { runHook } = await import("./hook.ts");
    return runHook(globals.positionals.slice(1), process.env);
  }
  if (isOn(globals, "version")) return printVersion(createContext(argv, invocation, process.env), process.stdout);
  if (asksForHelp(invocation)) {
    process.stdout.write(HELP);
    return 0;
  }
  return await dispatch(createContext(argv, invocation, process.env));
}

try {
  process.exitCode = await main();
} catch (error) {
  createLog(invocation).fail(error);
  process.exitCode = failureCode(invocation);
}
