/** What the simulated platform consists of, as it lies on disk: one file, root's alone. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { InclavareError, type JsonValue } from "@inclavare/errors";

const STATE_FILE = "platform.json";
const ROOT_FILE = "root.pem";
const FORMAT = 1;

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

export type KeyRole = "root" | "pckCa" | "pck" | "tcbSigning" | "attestation" | "quotingEnclaveSigner";
export type CertificateRole = "root" | "pckCa" | "pck" | "tcbSigning";

/** Writes a new platform: whole or not at all, and never over one that exists. */
export function writeState(directory: string, state: PlatformState): void {
  const parent = dirname(directory);
  const temporary = join(parent, `.${STATE_FILE}.${process.pid}.${Math.random().toString(36).slice(2)}`);
  try {
    mkdirSync(parent, { recursive: true });
    mkdirSync(temporary, { mode: 0o700 });
    writeFileSync(join(temporary, STATE_FILE), `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600, flag: "wx" });
    writeFileSync(join(temporary, ROOT_FILE), state.certificates.root, { mode: 0o600, flag: "wx" });
    // Fails when the target is there and not empty: a platform is created once.
    renameSync(temporary, directory);
  } catch (cause) {
    const exists = ["ENOTEMPTY", "EEXIST"].includes((cause as NodeJS.ErrnoException).code ?? "");
    const reason = exists ? "there is something already; a platform is created once" : "it cannot be written";
    throw new InclavareError("ERR_SGX_PLATFORM", `cannot create a simulated platform in ${directory}: ${reason}`, {
      cause,
    });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

export function readState(directory: string): PlatformState {
  const path = join(directory, STATE_FILE);
  let value: JsonValue;
  try {
    value = JSON.parse(readFileSync(path, "utf8")) as JsonValue;
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const hint = missing ? "there is none: 'attesterd init' creates it" : "it cannot be read";
    // The file holds keys, so the words of a JSON error, which quote it, stay out.
    throw new InclavareError("ERR_SGX_PLATFORM", `no simulated platform in ${directory}: ${hint}`);
  }
  const state = value as unknown as PlatformState;
  if (
    typeof value !== "object" ||
    state.format !== FORMAT ||
    typeof state.keys !== "object" ||
    typeof state.certificates !== "object"
  ) {
    throw new InclavareError("ERR_SGX_PLATFORM", `${path} is not a simulated platform of format ${FORMAT}`);
  }
  return state;
}

export const STATE_FORMAT = FORMAT;
