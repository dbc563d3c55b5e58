import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { accessSync, closeSync, constants, openSync, readFileSync, unlinkSync } from "node:fs";
import { constants as osConstants, tmpdir } from "node:os";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { InclavareError } from "@inclavare/errors";
import { randomUuid } from "./random-uuid.ts";

/** A line of runc's log, in logrus's JSON form. */
export interface RuncLogEntry {
  readonly level: string;
  readonly msg: string;
  readonly time?: string;
}

/** The low-level runtime, and what every call of it needs. */
export interface RuncOptions {
  /** Absolute path; see {@link findProgram}. */
  readonly program: string;
  /** Value of `--root`, absolute. */
  readonly root: string;
  /** Further global flags as the caller gave them: `--systemd-cgroup`, `--rootless=false`, `--debug`. */
  readonly flags: readonly string[];
  /** Takes what runc logged, so that the caller's log has it too. */
  readonly log: (entry: RuncLogEntry) => void;
  /** A program, with its first arguments, that becomes runc; left out: runc is started itself. */
  readonly launcher?: readonly [string, ...string[]];
}

export interface RuncCall {
  readonly args: readonly string[];
  /** Descriptors of runc by position; left out: nothing to read, output captured. */
  readonly stdio?: readonly number[];
  /** Left out: no deadline (a foreground container lasts as long as it lasts). */
  readonly deadlineMs?: number;
  /** Called with a function that signals runc, as soon as it runs. */
  readonly started?: (signal: (name: NodeJS.Signals) => void) => void;
}

export interface RuncOutcome {
  /** Exit status, or 128 + signal. */
  readonly code: number;
  readonly stdout: string;
  /** The last error that runc logged, or else what it printed; empty when it succeeded in silence. */
  readonly error: string;
}

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Looks a program up as a shell does. @throws ERR_RUNC_MISSING */
export function findProgram(name: string, path: string | undefined): string {
  const candidates = name.includes("/")
    ? [resolve(name)]
    : (path ?? DEFAULT_PATH)
        .split(delimiter)
        .map((folder) => join(isAbsolute(folder) ? folder : resolve(folder), name));
  const found = candidates.find(isExecutable);
  if (found !== undefined) return found;
  throw new InclavareError(
    "ERR_RUNC_MISSING",
    name.includes("/") ? `the low-level runtime ${name} cannot be executed` : `there is no ${name} in PATH`,
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs runc to its end. A failure is in the outcome, for the caller to judge. @throws ERR_RUNC_MISSING, ERR_DEADLINE */
export async function runRunc(options: RuncOptions, call: RuncCall): Promise<RuncOutcome> {
  const log = openNameless();
  const logPath = `/proc/${process.pid}/fd/${log}`;
  const args = ["--root", options.root, "--log", logPath, "--log-format", "json", ...options.flags, ...call.args];
  try {
    const stdio: StdioOptions = call.stdio === undefined ? ["ignore", "pipe", "pipe"] : [...call.stdio];
    const [program, ...first] = [...(options.launcher ?? []), options.program];
    const child = spawn(program ?? "", [...first, ...args], { stdio });
    call.started?.((name) => void child.kill(name));
    const expired = killAfter(child, call.deadlineMs);
    const [stdout, stderr, [code, signal]] = await Promise.all([
      printed(child.stdout),
      printed(child.stderr),
      once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>,
    ]).catch((cause: unknown) => {
      throw new InclavareError("ERR_RUNC_MISSING", `cannot start ${options.program}`, { cause });
    });
    if (expired.clear()) {
      const seconds = (call.deadlineMs ?? 0) / 1000;
      throw new InclavareError("ERR_DEADLINE", `runc ${call.args[0] ?? ""} did not end within ${seconds} s`);
    }
    const entries = readLog(log);
    for (const entry of entries) options.log(entry);
    const error = entries.findLast(({ level }) => level === "error" || level === "fatal")?.msg ?? stderr.trim();
    return { code: code ?? 128 + signalNumberOf(signal), stdout, error };
  } finally {
    closeSync(log);
  }
}

/** As {@link runRunc}, for a call that has to succeed. @throws ERR_RUNC with runc's own words */
export async function mustRunc(options: RuncOptions, call: RuncCall): Promise<string> {
  const { code, stdout, error } = await runRunc(options, call);
  if (code !== 0) throw runcError(call.args[0] ?? "", code, error, { printed: call.stdio !== undefined });
  return stdout;
}

/** @param how `printed` when runc had the caller's standard error, and so has said it there itself. */
export function runcError(command: string, code: number, error: string, how: { printed: boolean }): InclavareError {
  if (error === "") return new InclavareError("ERR_RUNC", `runc ${command} ended with status ${code} and said nothing`);
  const found = error.includes("container does not exist") ? "ERR_CONTAINER_NOT_FOUND" : "ERR_RUNC";
  return new InclavareError(found, error, how.printed ? { details: { printed: true } } : {});
}

/** All that comes, up to the end or up to where it is cut off. */
async function printed(stream: Readable | null): Promise<string> {
  return stream === null ? "" : await text(stream).catch(() => "");
}

/** What runc has started itself may hold its output open, and is not waited for either. */
function killAfter(child: ChildProcess, deadlineMs: number | undefined): { clear(): boolean } {
  let expired = false;
  if (deadlineMs === undefined) return { clear: () => false };
  const timer = setTimeout(() => {
    expired = true;
    child.kill("SIGKILL");
    child.stdout?.destroy();
    child.stderr?.destroy();
  }, deadlineMs);
  return {
    clear() {
      clearTimeout(timer);
      return expired;
    },
  };
}

/** Lines that are not JSON are skipped: the log is runc's and may hold what a library printed. */
export function parseRuncLog(log: string): RuncLogEntry[] {
  return log.split("\n").flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line);
      return isEntry(value) ? [value] : [];
    } catch {
      return [];
    }
  });
}

function readLog(log: number): RuncLogEntry[] {
  try {
    return parseRuncLog(readFileSync(log, "utf8"));
  } catch {
    return [];
  }
}

/** A file that is gone with this process, however that ends. @throws ERR_FILE */
function openNameless(): number {
  const path = join(tmpdir(), `rune-${randomUuid()}.log`);
  try {
    const file = openSync(path, "wx+", 0o600);
    unlinkSync(path);
    return file;
  } catch (cause) {
    throw new InclavareError("ERR_FILE", `no log for runc can be made in ${tmpdir()}`, { cause });
  }
}

function isEntry(value: unknown): value is RuncLogEntry {
  const { level, msg } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  return typeof level === "string" && typeof msg === "string";
}

function signalNumberOf(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : osConstants.signals[signal];
}
