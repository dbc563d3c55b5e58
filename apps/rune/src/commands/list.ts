import type { OciState } from "@inclavare/container";
import { lastValue, isOn } from "../parse.ts";
import { formatTable } from "../table.ts";
import { assertFlags, type Command, usage } from "./command.ts";

const HEADER = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"];

/** `list`, in runc's three forms. */
export const printList: Command = async ({ lifecycle, engine }, flags) => {
  assertFlags(flags);
  const format = lastValue(flags, "format") ?? "table";
  const states = await lifecycle.listContainers(engine);
  if (isOn(flags, "quiet")) process.stdout.write(states.map(({ id }) => `${id}\n`).join(""));
  else if (format === "table") process.stdout.write(formatTable([HEADER, ...states.map(row)]));
  else if (format === "json") process.stdout.write(`${JSON.stringify(states.length === 0 ? null : states)}\n`);
  else throw usage(`invalid format option`);
  return 0;
};

function row({ id, pid, status, bundle, created, owner }: OciState): string[] {
  return [id, String(pid), status, bundle, created, owner];
}
