import { isOn } from "../parse.ts";
import { assertFlags, type Command, onlyId, usage } from "./command.ts";

export const remove: Command = async ({ lifecycle, engine }, flags) => {
  await lifecycle.deleteContainer(engine, onlyId("delete", flags), isOn(flags, "force"));
  return 0;
};

export const start: Command = async ({ lifecycle, engine }, flags) => {
  await lifecycle.startContainer(engine, onlyId("start", flags));
  return 0;
};

/** As runc prints it: indented by two, no newline at the end. */
export const state: Command = async ({ lifecycle, engine }, flags) => {
  const found = await lifecycle.containerState(engine, onlyId("state", flags));
  process.stdout.write(JSON.stringify(found, undefined, 2));
  return 0;
};

export const kill: Command = async ({ lifecycle, engine }, flags) => {
  assertFlags(flags);
  const [id = "", signal = "SIGTERM", ...surplus] = flags.positionals;
  if (surplus.length > 0) throw usage('rune: "kill" requires a maximum of 2 argument(s)');
  await lifecycle.killContainer(engine, id, { signal: lifecycle.parseSignal(signal), all: isOn(flags, "all") });
  return 0;
};
