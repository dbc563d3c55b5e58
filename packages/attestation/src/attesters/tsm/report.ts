/** One report through configfs-tsm. @see Linux, Documentation/ABI/testing/configfs-tsm-report */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { InclavareError, isInclavareError } from "@inclavare/errors";
import type { TsmFiles } from "./files.ts";

export const TSM_DIRECTORY = "/sys/kernel/config/tsm/report";
const PREFIX = "inclavare-";
const MOST_BLOB_BYTES = 1 << 20;
const MOST_TEXT_BYTES = 4096;
const MOST_ATTEMPTS = 3;
const PAUSE_MS = 50;
/** What passes: another writer at work, or a call cut short. */
const PASSING = new Set(["EBUSY", "EAGAIN", "EINTR"]);
const ABSENT = new Set(["ENOENT", "ENODATA", "EOPNOTSUPP", "ENOTSUP"]);

export interface TsmRequest {
  readonly directory: string;
  /** 64 bytes. */
  readonly reportData: Uint8Array;
  /** SEV-SNP: the VMPL of the report. Left out: the driver's own choice. */
  readonly privilegeLevel?: number;
}

export interface TsmReport {
  /** `tdx_guest`, `sev_guest`, `arm_cca_guest`. */
  readonly provider: string;
  readonly outblob: Uint8Array;
  /** SEV-SNP: the certificate table that the host provides. */
  readonly auxblob?: Uint8Array;
  /** The manifest of an SVSM's services. */
  readonly manifestblob?: Uint8Array;
}

/**
 * Makes a directory of its own, asks, and removes it on every way out. The generation counts the writes: where it is not
 * what this side's own writes have made it, somebody else has written, the blob may be theirs, and all is asked again.
 * @throws InclavareError ERR_TSM_UNAVAILABLE, ERR_PRIVILEGE, ERR_TSM
 */
export async function requestTsmReport(files: TsmFiles, request: TsmRequest): Promise<TsmReport> {
  const entry = join(request.directory, `${PREFIX}${process.pid}-${randomBytes(8).toString("hex")}`);
  await makeEntry(files, entry);
  let report: TsmReport;
  try {
    report = await attempt(files, entry, request);
  } catch (error) {
    // The first failure is the one that counts.
    await files.rmdir(entry).catch(() => undefined);
    throw error;
  }
  await inKernel(`remove ${entry}`, async () => await files.rmdir(entry));
  return report;
}

/**
 * Removes what a process of ours left behind when it was killed.
 * @returns how many entries there were.
 */
export async function sweepTsmReports(
  files: TsmFiles,
  directory: string,
  isAlive: (pid: number) => boolean,
): Promise<number> {
  const names = await files.list(directory).catch(() => []);
  let count = 0;
  for (const name of names) {
    const pid = /^inclavare-(\d{1,10})-[0-9a-f]{16}$/u.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    await files.rmdir(join(directory, name)).then(
      () => (count += 1),
      () => undefined,
    );
  }
  return count;
}

async function makeEntry(files: TsmFiles, entry: string): Promise<void> {
  try {
    await files.mkdir(entry);
  } catch (cause) {
    const code = errno(cause);
    if (code === "EACCES" || code === "EPERM") {
      throw new InclavareError("ERR_PRIVILEGE", "configfs-tsm is root's alone", { cause });
    }
    if (code === "ENOENT" || code === "ENXIO" || code === "ENODEV") {
      const reason =
        code === "ENOENT" ? "configfs is not mounted there, or the kernel has no tsm" : "no TEE driver is loaded";
      throw new InclavareError("ERR_TSM_UNAVAILABLE", `cannot make ${entry}: ${reason}`, { cause });
    }
    throw new InclavareError("ERR_TSM", `cannot make ${entry}`, { cause });
  }
}

async function attempt(files: TsmFiles, entry: string, request: TsmRequest): Promise<TsmReport> {
  let cause: unknown;
  for (let count = 1; count <= MOST_ATTEMPTS; count += 1) {
    if (count > 1) await delay(PAUSE_MS);
    try {
      const report = await askOnce(files, entry, request);
      if (report !== undefined) return report;
    } catch (error) {
      if (!PASSING.has(errno(isInclavareError(error) ? error.cause : error) ?? "")) throw error;
      cause = error;
    }
  }
  const message = `another writer interfered with ${entry} in each of ${MOST_ATTEMPTS} attempts`;
  throw new InclavareError("ERR_TSM", message, { cause });
}

/** @returns nothing where another writer interfered. */
async function askOnce(files: TsmFiles, entry: string, request: TsmRequest): Promise<TsmReport | undefined> {
  const { reportData, privilegeLevel } = request;
  const write = async (name: string, bytes: Uint8Array): Promise<void> => {
    await inKernel(`write ${name}`, async () => await files.write(join(entry, name), bytes));
  };
  const before = await readGeneration(files, entry);
  if (privilegeLevel !== undefined) await write("privlevel", Buffer.from(String(privilegeLevel)));
  await write("inblob", reportData);
  const writes = privilegeLevel === undefined ? 1n : 2n;
  const outblob = await readBlob(files, join(entry, "outblob"));
  const auxblob = await readOptional(files, join(entry, "auxblob"));
  const manifestblob = await readOptional(files, join(entry, "manifestblob"));
  const provider = await readText(files, join(entry, "provider"));
  if ((await readGeneration(files, entry)) !== before + writes) return undefined;
  if (outblob.length === 0) {
    throw new InclavareError("ERR_TSM", `${provider} gave an empty report: the host's quote service is missing or old`);
  }
  return {
    provider,
    outblob,
    ...(auxblob === undefined ? {} : { auxblob }),
    ...(manifestblob === undefined ? {} : { manifestblob }),
  };
}

async function readBlob(files: TsmFiles, path: string): Promise<Uint8Array> {
  return await inKernel(`read ${path}`, async () => await files.read(path, MOST_BLOB_BYTES));
}

/** What not every provider has; an empty one is none. */
async function readOptional(files: TsmFiles, path: string): Promise<Uint8Array | undefined> {
  try {
    const bytes = await files.read(path, MOST_BLOB_BYTES);
    return bytes.length === 0 ? undefined : bytes;
  } catch (cause) {
    if (ABSENT.has(errno(cause) ?? "")) return undefined;
    throw new InclavareError("ERR_TSM", `cannot read ${path}`, { cause });
  }
}

async function readText(files: TsmFiles, path: string): Promise<string> {
  const bytes = await inKernel(`read ${path}`, async () => await files.read(path, MOST_TEXT_BYTES));
  return Buffer.from(bytes).toString("latin1").trim();
}

async function readGeneration(files: TsmFiles, entry: string): Promise<bigint> {
  const text = await readText(files, join(entry, "generation"));
  if (/^\d{1,20}$/u.test(text)) return BigInt(text);
  throw new InclavareError("ERR_TSM", `generation of ${entry} is "${text.slice(0, 32)}", expected a number`);
}

async function inKernel<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (isInclavareError(cause)) throw cause;
    throw new InclavareError("ERR_TSM", `cannot ${what}`, { cause });
  }
}

function errno(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
