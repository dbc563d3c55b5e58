/** What the simulated platform consists of, as it lies on disk: one file, root's alone. */
import { createPrivateKey, randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { parseCertificate } from "@inclavare/x509";

const STATE_FILE = "platform.json";
const ROOT_FILE = "root.pem";
const FORMAT = 1;
const MOST_BYTES = 64 << 10;

/** Secrets and certificates of one machine's simulated CPU and of the authority that certified it. */
export interface PlatformState {
  readonly format: number;
  /** The secrets that a CPU has in fuses: 32 bytes each, hexadecimal. */
  readonly fuses: { readonly root: string; readonly seal: string };
  /** 16 bytes, hexadecimal; a new epoch makes all old keys underivable. */
  readonly ownerEpoch: string;
  readonly cpuSvn: string;
  readonly pceSvn: number;
  /** What names the platform in its PCK certificate, hexadecimal. */
  readonly ppid: string;
  readonly fmspc: string;
  readonly pceId: string;
  /** Private keys, PKCS#8 PEM. */
  readonly keys: Readonly<Record<KeyRole, string>>;
  /** Certificates, PEM. */
  readonly certificates: Readonly<Record<CertificateRole, string>>;
}

const CERTIFICATE_ROLES = ["root", "pckCa", "pck", "tcbSigning"] as const;
const KEY_ROLES = [...CERTIFICATE_ROLES, "attestation", "quotingEnclaveSigner"] as const;
export type CertificateRole = (typeof CERTIFICATE_ROLES)[number];
export type KeyRole = (typeof KEY_ROLES)[number];

/** @throws ERR_SGX_PLATFORM when there is something already. */
export function assertAbsent(directory: string): void {
  if (lstatSync(directory, { throwIfNoEntry: false }) !== undefined) throw occupied(directory);
}

/** Writes a new platform: whole or not at all, and never over one that exists. @throws ERR_SGX_PLATFORM */
export function writeState(directory: string, state: PlatformState): void {
  const parent = dirname(directory);
  const temporary = join(parent, `.${basename(directory)}.${randomBytes(8).toString("hex")}`);
  assertAbsent(directory);
  try {
    mkdirSync(parent, { recursive: true });
    mkdirSync(temporary, { mode: 0o700 });
    const options = { mode: 0o600, flag: "wx", flush: true };
    writeFileSync(join(temporary, STATE_FILE), `${JSON.stringify(state, undefined, 2)}\n`, options);
    writeFileSync(join(temporary, ROOT_FILE), state.certificates.root, options);
    syncDirectory(temporary);
    // Fails when somebody was faster: a platform is created once.
    renameSync(temporary, directory);
    syncDirectory(parent);
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    if (["ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(code)) throw occupied(directory, cause);
    throw new InclavareError(
      "ERR_SGX_PLATFORM",
      `cannot create a simulated platform in ${directory}: it cannot be written`,
      { cause },
    );
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function occupied(directory: string, cause?: unknown): InclavareError {
  const message = `cannot create a simulated platform in ${directory}: there is something already; a platform is created once`;
  return new InclavareError("ERR_SGX_PLATFORM", message, { cause });
}

/** What was written survives a crash only when the directory that names it is on disk as well. */
function syncDirectory(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** @throws ERR_SGX_PLATFORM, also when others than its owner could read or change it. */
export function readState(directory: string): PlatformState {
  withDescriptor(directory, constants.O_DIRECTORY, (_fd, stat) => assertPrivate(directory, stat));
  const path = join(directory, STATE_FILE);
  const text = withDescriptor(path, constants.O_NONBLOCK, (fd, stat) => {
    assertPrivate(path, stat);
    if (!stat.isFile() || stat.size > MOST_BYTES) throw damaged(path, `a file of up to ${MOST_BYTES} bytes`);
    return readFileSync(fd, "utf8");
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The file holds keys, so the words of a JSON error, which quote it, stay out.
    throw damaged(path, "JSON");
  }
  return assertState(value, path);
}

function withDescriptor<T>(path: string, flags: number, use: (fd: number, stat: Stats) => T): T {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | flags);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const hint = missing ? "there is none: 'attesterd init' creates it" : "it cannot be read";
    throw new InclavareError("ERR_SGX_PLATFORM", `no simulated platform at ${path}: ${hint}`, { cause });
  }
  try {
    return use(fd, fstatSync(fd));
  } finally {
    closeSync(fd);
  }
}

function assertPrivate(path: string, { mode, uid }: Stats): void {
  if ((mode & 0o077) !== 0) {
    const found = (mode & 0o7777).toString(8).padStart(4, "0");
    throw new InclavareError(
      "ERR_SGX_PLATFORM",
      `${path} has mode ${found}: others than its owner could use the platform's keys`,
    );
  }
  const self = process.geteuid?.() ?? uid;
  if (uid !== self)
    throw new InclavareError("ERR_SGX_PLATFORM", `${path} belongs to user ${uid}, it is read by user ${self}`);
}

function assertState(value: unknown, path: string): PlatformState {
  const state = record(value);
  const [fuses, keys, certificates] = [record(state["fuses"]), record(state["keys"]), record(state["certificates"])];
  const holds =
    state["format"] === FORMAT &&
    [fuses["root"], fuses["seal"]].every((item) => isHex(item, 32)) &&
    [state["ownerEpoch"], state["cpuSvn"], state["ppid"]].every((item) => isHex(item, 16)) &&
    isHex(state["fmspc"], 6) &&
    isHex(state["pceId"], 2) &&
    Number.isInteger(state["pceSvn"]) &&
    KEY_ROLES.every((role) => isRead(keys[role], createPrivateKey)) &&
    CERTIFICATE_ROLES.every((role) => isRead(certificates[role], parseCertificate));
  if (!holds) throw damaged(path, `a simulated platform of format ${FORMAT}`);
  return value as PlatformState;
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function isHex(value: unknown, sizeBytes: number): boolean {
  return typeof value === "string" && value.length === 2 * sizeBytes && /^[0-9a-f]+$/iu.test(value);
}

function isRead(value: unknown, read: (text: string) => unknown): boolean {
  try {
    return typeof value === "string" && read(value) !== undefined;
  } catch {
    return false;
  }
}

function damaged(path: string, expected: string): InclavareError {
  return new InclavareError("ERR_SGX_PLATFORM", `${path} is not ${expected}`);
}

export const STATE_FORMAT = FORMAT;
