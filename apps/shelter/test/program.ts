/** Shelter as it is built and installed, on the recorded evidence. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import type { Verdict } from "@inclavare/attestation";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const PROGRAM = join(process.env["INCLAVARE_TEST_BIN"] ?? join(ROOT, "dist", "bin"), "shelter");
const VECTORS = join(ROOT, "test", "vectors");
const DEADLINE_MS = 60_000;

/** Of this test file alone; removed at its end. */
export const directory: string = mkdtempSync(join(tmpdir(), "shelter-"));
after(() => rmSync(directory, { recursive: true, force: true }));

export interface Result {
  readonly exit: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export async function shelter(...args: readonly string[]): Promise<Result> {
  return await new Promise((resolve) => {
    const options = { timeout: DEADLINE_MS, maxBuffer: 16 << 20, env: { ...process.env, XDG_STATE_HOME: directory } };
    execFile(PROGRAM, args, options, (error, stdout, stderr) => {
      resolve({ exit: error === null ? 0 : error.code, stdout, stderr });
    });
  });
}

/** `shelter verify … -o json`. */
export async function verdictOf(
  ...args: readonly string[]
): Promise<{ readonly exit: Result["exit"]; readonly verdict: Verdict }> {
  const { exit, stdout, stderr } = await shelter("verify", ...args, "-o", "json");
  if (stdout === "") throw new Error(`exit ${exit} without a verdict: ${stderr}`);
  return { exit, verdict: JSON.parse(stdout) as Verdict };
}

/** A file of the vectors; of quotes and their collateral by its bare name. */
export function data(name: string): string {
  return join(VECTORS, name.includes("/") ? name : join("dcap", name));
}

/** A file with this content in the test's own directory. */
export function file(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

export function codesOf({ checks }: Verdict, result: "failed" | "allowed" = "failed"): (string | undefined)[] {
  return checks.filter((check) => check.result === result).map(({ code }) => code);
}
