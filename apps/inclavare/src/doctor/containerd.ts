import { join } from "node:path";
import { findProgram } from "@inclavare/container";
import { formatOneLine } from "@inclavare/errors";
import { type ContainerdConfig, isTable, parseContainerdConfig, type Table } from "../containerd-toml/document.ts";
import { RUNTIME_TYPE, SERVICE_PATH, SHIM } from "../containerd-toml/names.ts";
import { type Check, fail, type Finding, type Machine, pass, warn } from "./check.ts";

const CHECK = "containerd";
const DEADLINE_MS = 10_000;

/** Whether containerd is there, has our runtimes, and would find what they name. What it reads itself counts. */
export const containerd: Check = ({ machine }) => {
  let program: string;
  try {
    program = findProgram("containerd", machine.searchPath);
  } catch {
    return warn(
      CHECK,
      "containerd is not in PATH",
      "nothing, unless Kubernetes, nerdctl or ctr shall run containers here",
    );
  }
  try {
    const dumped = machine.run(program, ["config", "dump"], DEADLINE_MS);
    return examineConfig(machine, parseContainerdConfig(dumped, `what ${program} config dump prints`));
  } catch (error) {
    return fail(CHECK, formatOneLine(error), "correct containerd's configuration: containerd config dump");
  }
};

function examineConfig(machine: Machine, config: ContainerdConfig): Finding {
  const ours = Object.entries(config.runtimes ?? {}).filter(
    (entry): entry is [string, Table] => isTable(entry[1]) && entry[1]["runtime_type"] === RUNTIME_TYPE,
  );
  const names = ours.map(([name]) => name).join(", ");
  if (ours.length === 0) return warn(CHECK, "has no runtime of ours", "inclavare install containerd");
  for (const [name, runtime] of ours) {
    const path = textIn(runtime, "runtime_path");
    const places = path === "" ? SERVICE_PATH.map((folder) => join(folder, SHIM)) : [path];
    if (!places.some((place) => machine.exists(place)))
      return fail(
        CHECK,
        `the runtime ${name} finds no ${places.join(", ")}`,
        "make install, then inclavare install containerd",
      );
    const options = isTable(runtime["options"]) ? textIn(runtime["options"], "ConfigPath") : "";
    if (options !== "" && !machine.exists(options))
      return fail(
        CHECK,
        `the runtime ${name} has its options in ${options}, which is not there`,
        "inclavare install containerd",
      );
  }
  if (config.isCriDisabled)
    return warn(
      CHECK,
      `runtimes ${names}; the CRI plugin is switched off`,
      "for Kubernetes take cri out of disabled_plugins",
    );
  return pass(CHECK, `runtimes ${names}`);
}

function textIn(table: Table, key: string): string {
  const value = table[key];
  return typeof value === "string" ? value : "";
}
