import { InclavareError } from "@inclavare/errors";
import { formatJson, parseJson } from "../json/parse.ts";
import {
  checkShape,
  flag,
  integer,
  listOf,
  mapOf,
  optional,
  record,
  required,
  text,
  textLike,
  type Shape,
} from "../json/shape.ts";
import { absolutePath, idMappings, int32, linux, resources, uint32, uint64 } from "./shape-linux.ts";
import type { SpecResources } from "./spec-linux.ts";
import type { RuntimeSpec, SpecProcess } from "./spec.ts";

const SIZE_LIMIT_BYTES = 16 * 1024 * 1024;

const strings = listOf(text);

const rlimit: Shape = record({
  type: required(textLike(/^RLIMIT_[A-Z]+$/u, "like RLIMIT_NOFILE")),
  hard: required(uint64),
  soft: required(uint64),
});

const rlimits: Shape = (value, path) => {
  const fault = listOf(rlimit)(value, path);
  if (fault !== undefined) return fault;
  const types = (value as readonly { readonly type: string }[]).map((limit) => limit.type);
  const again = types.find((type, index) => types.indexOf(type) !== index);
  return again === undefined ? undefined : { path, rule: `must name each type once, ${again} comes again` };
};

const user: Shape = record({
  uid: optional(uint32),
  gid: optional(uint32),
  umask: optional(uint32),
  additionalGids: optional(listOf(uint32)),
  username: optional(text),
});

const scheduler: Shape = record({
  policy: required(text),
  nice: optional(int32),
  priority: optional(int32),
  flags: optional(strings),
  runtime: optional(uint64),
  deadline: optional(uint64),
  period: optional(uint64),
});

const capabilities: Shape = record({
  bounding: optional(strings),
  effective: optional(strings),
  inheritable: optional(strings),
  permitted: optional(strings),
  ambient: optional(strings),
});

const processShape: Shape = record({
  terminal: optional(flag),
  consoleSize: optional(record({ height: optional(uint32), width: optional(uint32) })),
  user: optional(user),
  args: optional(strings),
  commandLine: optional(text),
  env: optional(strings),
  cwd: required(absolutePath),
  capabilities: optional(capabilities),
  rlimits: optional(rlimits),
  noNewPrivileges: optional(flag),
  apparmorProfile: optional(text),
  oomScoreAdj: optional(integer(-1000, 1000)),
  scheduler: optional(scheduler),
  selinuxLabel: optional(text),
  ioPriority: optional(record({ class: required(text), priority: optional(int32) })),
  execCPUAffinity: optional(record({ initial: optional(text), final: optional(text) })),
});

const hooks: Shape = listOf(
  record({
    path: required(absolutePath),
    args: optional(strings),
    env: optional(strings),
    timeout: optional(integer(1, 2 ** 31 - 1)),
  }),
);

const mount: Shape = record({
  destination: required(textLike(/./su, "a path")),
  type: optional(text),
  source: optional(text),
  options: optional(strings),
  uidMappings: optional(idMappings),
  gidMappings: optional(idMappings),
});

// solaris, windows, vm and zos are here for their names alone: nothing may pose as them in another case.
const anything: Shape = () => undefined;

const runtimeSpec: Shape = record({
  ociVersion: required(textLike(/^1\.\d+\.\d+(?:[-+][\w.+-]*)?$/u, "a version 1.x.y of the runtime specification")),
  process: optional(processShape),
  root: optional(record({ path: required(textLike(/./su, "a path")), readonly: optional(flag) })),
  hostname: optional(text),
  domainname: optional(text),
  mounts: optional(listOf(mount)),
  hooks: optional(
    record({
      prestart: optional(hooks),
      createRuntime: optional(hooks),
      createContainer: optional(hooks),
      startContainer: optional(hooks),
      poststart: optional(hooks),
      poststop: optional(hooks),
    }),
  ),
  annotations: optional(mapOf(text)),
  linux: optional(linux),
  solaris: optional(anything),
  windows: optional(anything),
  vm: optional(anything),
  zos: optional(anything),
});

/**
 * Parses and checks a config.json, at most 16 MiB.
 *
 * Unknown members stay as they are. Members that are null count as absent. Names that differ from a known one in case
 * only are refused, because runc would take them for it; so are names that come twice.
 * @param what which file it is, for messages.
 * @throws ERR_OCI_SPEC; `details.path` and `details.rule` where a rule is broken, `details.line` where it is no JSON.
 * @see OCI runtime specification 1.2, config.md and config-linux.md
 */
export function parseRuntimeSpec(input: Uint8Array | string, what: string): RuntimeSpec {
  return parse(input, what, runtimeSpec) as unknown as RuntimeSpec;
}

/** Parses the process that `exec --process` takes: as `process` in a config.json. @throws ERR_OCI_SPEC */
export function parseProcess(input: Uint8Array | string, what: string): SpecProcess {
  return parse(input, what, processShape) as SpecProcess;
}

/** Parses the resources that `update --resources` takes: as `linux.resources` in a config.json. @throws ERR_OCI_SPEC */
export function parseResources(input: Uint8Array | string, what: string): SpecResources {
  return parse(input, what, resources);
}

function parse(input: Uint8Array | string, what: string, shape: Shape): object {
  const value = parseJson(input, { what, code: "ERR_OCI_SPEC", limitBytes: SIZE_LIMIT_BYTES });
  checkShape(value, shape, what, "ERR_OCI_SPEC");
  return value as object;
}

/**
 * Writes a specification, or a part of one, as JSON. Not `JSON.stringify`: a resource limit such as
 * 18446744073709551615 is a bigint here and must come out as that number.
 */
export function formatRuntimeSpec(spec: object): string {
  return formatJson(spec, "\t");
}

/**
 * Asserts what runc demands of a specification before it creates a container, beyond its form: a process with
 * arguments, and a root.
 * @throws ERR_OCI_SPEC
 */
export function assertRunnable(
  spec: RuntimeSpec,
  what: string,
): asserts spec is RuntimeSpec & { readonly process: SpecProcess & { readonly args: readonly string[] } } {
  const missing =
    spec.process === undefined ? "$.process" : (spec.process.args ?? []).length === 0 ? "$.process.args" : undefined;
  const path = missing ?? (spec.root === undefined ? "$.root" : undefined);
  if (path === undefined) return;
  throw new InclavareError("ERR_OCI_SPEC", `${what}: ${path} must be there and not empty`, { details: { path } });
}
