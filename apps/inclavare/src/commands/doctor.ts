import { type Command, defineCommand, printJson, printTable } from "@inclavare/cli";
import type { Finding } from "../doctor/check.ts";
import { examine } from "../doctor/examine.ts";
import { thisMachine } from "../doctor/machine.ts";
import { formatOption } from "../options/output.ts";
import { payloadDirectory, payloadOption } from "../options/payload.ts";

/** `inclavare doctor`: what this machine has, what it lacks, and what to do about it. */
export function createDoctorCommand(environment: NodeJS.ProcessEnv): Command {
  return defineCommand({
    name: "doctor",
    summary: "checks this machine: every finding with its fix",
    positionals: [],
    options: {
      config: {
        type: "string",
        value: "FILE",
        help: "configuration (default: INCLAVARE_CONFIG, else the installed one)",
      },
      ...payloadOption,
      ...formatOption,
    },
    notes: "Ends with 1 when a check fails; warnings do not count.",
    async run({ stdout, values }) {
      const findings = examine({
        machine: thisMachine(environment),
        configPath: values.config ?? environment["INCLAVARE_CONFIG"],
        payload: payloadDirectory(values.payload),
      });
      const isHealthy = findings.every(({ result }) => result !== "fail");
      if (values.format === "json") printJson(stdout, { healthy: isHealthy, findings });
      else printTable(stdout, findings.flatMap(rowsOf));
      return isHealthy ? 0 : 1;
    },
  });
}

function rowsOf({ check, result, message, fix }: Finding): string[][] {
  return [[result, check, message], ...(fix === undefined ? [] : [["", "", `fix: ${fix}`]])];
}
