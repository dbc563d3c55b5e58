import { resolve } from "node:path";
import { type Command, defineCommand, printJson, printTable } from "@inclavare/cli";
import { loadConfig } from "@inclavare/container";
import { exitImmediately } from "@inclavare/linux";
import { type CheckResult, DEFAULT_PROFILE, parseProfile } from "@inclavare/pal";
import { readNamedFile } from "../options/files.ts";
import { formatOption } from "../options/output.ts";
import { payloadDirectory, payloadOption } from "../options/payload.ts";
import { checkLibrary } from "../pal/check-library.ts";
import { checkClosure } from "../pal/closure-check.ts";
import { probe } from "../pal/probe.ts";

/**
 * `inclavare pal check`: runs a PAL library through the conformance kit.
 * @param self program and arguments that start this program again
 */
export function createPalCheckCommand(environment: NodeJS.ProcessEnv, self: readonly [string, ...string[]]): Command {
  return defineCommand({
    name: "pal check",
    summary: "runs an enclave runtime's PAL library through its life and tells what it does wrong",
    positionals: ["LIBRARY"],
    options: {
      profile: { type: "string", value: "FILE", help: "the programs that the runtime has (default: the skeleton's)" },
      config: {
        type: "string",
        value: "FILE",
        help: "configuration, for pal_library_paths (default: INCLAVARE_CONFIG, else the installed one)",
      },
      ...payloadOption,
      ...formatOption,
    },
    notes:
      "The library runs in processes of their own, and what it writes goes to stderr. Ends with 1 when a check fails.",
    async run({ stdout, stderr, values, positionals: [path = ""] }) {
      const profile =
        values.profile === undefined
          ? DEFAULT_PROFILE
          : parseProfile(readNamedFile(values.profile, "profile").toString("utf8"), values.profile);
      const configPath = values.config ?? environment["INCLAVARE_CONFIG"];
      const { rune } = loadConfig(configPath, { payload: payloadDirectory(values.payload) });
      const libraryPath = resolve(path);
      const checks = [
        checkClosure(libraryPath, rune),
        ...(await checkLibrary({
          libraryPath,
          profile,
          self,
          environment: { ...environment, LD_LIBRARY_PATH: rune.palLibraryPaths.join(":") },
          stderr,
        })),
      ];
      const isPassed = checks.every(({ result }) => result !== "failed");
      if (values.format === "json") printJson(stdout, { library: libraryPath, passed: isPassed, checks });
      else {
        printTable(stdout, checks.flatMap(rowsOf));
        stdout.write(`\n${summary(checks)}\n`);
      }
      return isPassed ? 0 : 1;
    },
  });
}

/** What `pal check` starts for each part of its work. */
export const palProbeCommand = defineCommand({
  name: "pal probe",
  summary: "does some checks of 'pal check' in this process",
  isHidden: true,
  positionals: ["LIBRARY", "PROFILE", "CHECK..."],
  options: {},
  async run({ positionals: [libraryPath = "", profile = "", ...names] }) {
    await probe(libraryPath, parseProfile(profile, "PROFILE"), names);
    // Calls that hang have threads, which would keep this process.
    exitImmediately(0);
  },
});

function rowsOf({ result, name, message, specification }: CheckResult): string[][] {
  const row = message === undefined ? [result, name] : [result, name, message];
  return [row, ...(result === "failed" ? [["", "", `specification: ${specification}`]] : [])];
}

function summary(checks: readonly CheckResult[]): string {
  const count = (wanted: CheckResult["result"]): number => checks.filter(({ result }) => result === wanted).length;
  return `${checks.length} checks: ${count("ok")} ok, ${count("failed")} failed, ${count("skipped")} skipped`;
}
