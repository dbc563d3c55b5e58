import { InclavareError } from "@inclavare/errors";
import type { SpecOutline } from "@inclavare/oci";

export const TEE_TYPES = ["intelSgx", "intelTdx", "amdSevSnp", "simulated"] as const;
export type TeeType = (typeof TEE_TYPES)[number];

export const LOG_LEVELS = ["trace", "debug", "info", "warning", "error", "fatal", "panic", "off"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What a container asks for; nothing of it has been compared with the machine yet. */
export interface EnclaveRequest {
  readonly type: TeeType;
  /** `wasm`, `linux`, or the absolute path of a PAL library on the host. */
  readonly runtime: string;
  readonly runtimeArgs: string;
  readonly logLevel: LogLevel;
  /** The most enclave memory (EPC) that the container may have; intelSgx only. */
  readonly epcLimitBytes?: number;
}

/** Annotation and variable of each setting. */
const KEYS = {
  type: ["enclave.type", "ENCLAVE_TYPE"],
  runtime: ["enclave.runtime.path", "ENCLAVE_RUNTIME_PATH"],
  runtimeArgs: ["enclave.runtime.args", "ENCLAVE_RUNTIME_ARGS"],
  logLevel: ["enclave.runtime.loglevel", "ENCLAVE_RUNTIME_LOGLEVEL"],
  epcLimit: ["enclave.epc.limit", "ENCLAVE_EPC_LIMIT"],
  manifest: ["enclave.manifest", "ENCLAVE_MANIFEST"],
} as const;
type Setting = keyof typeof KEYS;

/** Old names that are no longer served; silence would let somebody believe in an attestation that does not happen. */
const RETIRED = ["enclave.attestation.ra_type", "enclave.attestation.ra_epid_spid", "ENCLAVE_RA_TYPE"];

const BUILT_IN_RUNTIMES = new Set(["wasm", "linux"]);
const VARIABLES: ReadonlySet<string> = new Set(Object.values(KEYS).map(([, variable]) => variable));
/** Annotations by which CRI implementations mark the pause container of a pod. */
const SANDBOX_MARKS = ["io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"];

/** Every annotation that asks for something here; `features` lists them as potentially unsafe. */
export const ENCLAVE_ANNOTATIONS: readonly string[] = Object.values(KEYS).map(([annotation]) => annotation);

/**
 * Whether a config.json could ask for an enclave at all, seen from its text alone: what says no needs no parsing. Escape
 * sequences are resolved, for they could hide a name; Go writes some into every text that has a & or a <.
 */
export function mayAskForEnclave(configText: string): boolean {
  return /enclave[._]/iu.test(resolveEscapes(configText));
}

function resolveEscapes(jsonText: string): string {
  if (!jsonText.includes("\\u")) return jsonText;
  return jsonText.replaceAll(/\\u([0-9a-f]{4})/giu, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
}

/**
 * Reads the request from annotations and variables.
 * @returns undefined when nothing is asked for.
 * @throws ERR_REQUEST_CONTRADICTION, ERR_REQUEST_INCOMPLETE, ERR_REQUEST_VALUE, ERR_REQUEST_UNSUPPORTED
 */
export function readEnclaveRequest(spec: SpecOutline): EnclaveRequest | undefined {
  const asked = new Map<Setting, string>();
  for (const setting of Object.keys(KEYS) as Setting[]) {
    const value = readSetting(spec, setting);
    if (value !== undefined) asked.set(setting, value);
  }
  if (asked.size === 0) return undefined;
  assertKeysKnown(spec);
  if (asked.has("manifest")) {
    throw new InclavareError(
      "ERR_REQUEST_UNSUPPORTED",
      "enclave.manifest is not taken from the outside by this release: convert the image with it (inclavare convert)",
    );
  }
  return parseRequest({
    type: expectSetting(asked, "type"),
    runtime: expectSetting(asked, "runtime"),
    runtimeArgs: asked.get("runtimeArgs"),
    logLevel: asked.get("logLevel"),
    epcLimit: asked.get("epcLimit"),
  });
}

/** Settings as they are written. */
export interface WrittenRequest {
  readonly type: string;
  readonly runtime: string;
  readonly runtimeArgs?: string | undefined;
  readonly logLevel?: string | undefined;
  /** Bytes. */
  readonly epcLimit?: string | undefined;
}

/** @throws ERR_REQUEST_VALUE, ERR_REQUEST_CONTRADICTION */
export function parseRequest(written: WrittenRequest): EnclaveRequest {
  const { runtime, runtimeArgs = "", logLevel = "info", epcLimit } = written;
  const type = oneOf("enclave.type", TEE_TYPES, written.type);
  return {
    type,
    runtime: parseRuntime(runtime),
    runtimeArgs,
    logLevel: oneOf("enclave.runtime.loglevel", LOG_LEVELS, logLevel),
    ...(epcLimit === undefined ? {} : { epcLimitBytes: parseEpcLimit(epcLimit, type) }),
  };
}

function parseEpcLimit(text: string, type: TeeType): number {
  if (type !== "intelSgx")
    throw new InclavareError("ERR_REQUEST_CONTRADICTION", `enclave.epc.limit is there, but ${type} has no EPC`);
  const bytes = Number(text);
  if (/^[1-9]\d*$/u.test(text) && Number.isSafeInteger(bytes)) return bytes;
  throw new InclavareError("ERR_REQUEST_VALUE", `enclave.epc.limit is "${text}", expected a number of bytes above 0`);
}

/** Whether this is a pod's pause container, which stays plain even where the operator requires enclaves. */
export function isSandbox(spec: SpecOutline): boolean {
  return SANDBOX_MARKS.some((mark) => spec.annotations?.[mark] === "sandbox");
}

/** The environment without the variables that ask for an enclave: they are for the runtime, not for the application. */
export function withoutRequest(env: readonly string[]): string[] {
  return env.filter((entry) => !VARIABLES.has(entry.split("=", 1)[0] ?? ""));
}

export function isBuiltInRuntime(runtime: string): boolean {
  return BUILT_IN_RUNTIMES.has(runtime);
}

function readSetting(spec: SpecOutline, setting: Setting): string | undefined {
  const [annotation, variable] = KEYS[setting];
  const values = (spec.process?.env ?? [])
    .filter((entry) => entry.startsWith(`${variable}=`) || entry === variable)
    .map((entry) => ({ from: `variable ${variable}`, value: entry.slice(variable.length + 1) }));
  const annotated = spec.annotations?.[annotation];
  if (annotated !== undefined) values.push({ from: `annotation ${annotation}`, value: annotated });
  const [first] = values;
  const other = values.find(({ value }) => value !== first?.value);
  if (first !== undefined && other !== undefined) {
    throw new InclavareError(
      "ERR_REQUEST_CONTRADICTION",
      `${first.from} says "${first.value}", ${other.from} says "${other.value}"`,
    );
  }
  return first?.value;
}

function assertKeysKnown(spec: SpecOutline): void {
  const annotations = Object.keys(spec.annotations ?? {}).filter((key) => key.startsWith("enclave."));
  const variables = (spec.process?.env ?? []).map((entry) => entry.split("=", 1)[0] ?? "");
  const retired = [...annotations, ...variables].find((key) => RETIRED.includes(key));
  if (retired !== undefined)
    throw new InclavareError("ERR_REQUEST_UNSUPPORTED", `${retired}: EPID attestation is gone; remove it`);
  const unknown = annotations.find((key) => !ENCLAVE_ANNOTATIONS.includes(key));
  if (unknown !== undefined) {
    const known = ENCLAVE_ANNOTATIONS.join(", ");
    throw new InclavareError("ERR_REQUEST_VALUE", `annotation ${unknown} is not known, expected one of ${known}`);
  }
}

function expectSetting(asked: ReadonlyMap<Setting, string>, setting: "type" | "runtime"): string {
  const value = asked.get(setting);
  if (value !== undefined) return value;
  const present = [...asked.keys()].map((key) => KEYS[key][0]).join(", ");
  throw new InclavareError("ERR_REQUEST_INCOMPLETE", `${present} is there, but ${KEYS[setting].join(" or ")} is not`);
}

function oneOf<T extends string>(what: string, known: readonly T[], value: string): T {
  const found = known.find((item) => item === value);
  if (found !== undefined) return found;
  throw new InclavareError("ERR_REQUEST_VALUE", `${what} is "${value}", expected one of ${known.join(", ")}`);
}

function parseRuntime(value: string): string {
  if (isBuiltInRuntime(value) || (value.startsWith("/") && !value.includes("\0"))) return value;
  throw new InclavareError(
    "ERR_REQUEST_VALUE",
    `enclave.runtime.path is "${value}", expected wasm, linux, or the absolute path of a PAL library`,
  );
}
