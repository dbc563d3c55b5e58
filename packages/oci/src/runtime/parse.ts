import { formatJson, parseJson, type WideJson } from "../json/parse.ts";
import { checkShape, type Faults, type Shape } from "../json/shape.ts";
import { processShape } from "./shape-process.ts";
import { resources } from "./shape-resources.ts";
import { outline, runtimeSpec } from "./shape-spec.ts";
import type { SpecResources } from "./spec-linux.ts";
import type { RunnableSpec, RuntimeSpec, SpecOutline, SpecProcess } from "./spec.ts";

const SIZE_LIMIT_BYTES = 16 * 1024 * 1024;

/** A config.json of which no more is known than that it is JSON. */
export type SpecDocument = WideJson;

/**
 * Parses a config.json's text, at most 16 MiB; nothing in it is checked yet. Names that come twice are refused, because
 * other parsers take another of the two.
 * @param what which file it is, for messages.
 * @throws ERR_OCI_SPEC; `details.line` says where it is no JSON.
 */
export function parseSpecDocument(input: Uint8Array | string, what: string): SpecDocument {
  return parseJson(input, { what, code: "ERR_OCI_SPEC", limitBytes: SIZE_LIMIT_BYTES });
}

/** Reads annotations and environment, and checks nothing else. @throws ERR_OCI_SPEC */
export function readOutline(document: SpecDocument, what: string): SpecOutline {
  return checked(document, outline, what);
}

/**
 * Checks a whole config.json.
 *
 * Unknown members stay as they are. Members that are null count as absent. Names that differ from a known one in case
 * only are refused, because runc would take them for it.
 * @throws ERR_OCI_SPEC naming what is wrong, up to eight things; `details` has path and rule of the first one, and all of
 * them as `problems` where there are several.
 * @see OCI runtime specification 1.2, config.md and config-linux.md
 */
export function checkRuntimeSpec(document: SpecDocument, what: string): RuntimeSpec {
  return checked(document, runtimeSpec, what);
}

/** Parses and checks a config.json. @throws ERR_OCI_SPEC */
export function parseRuntimeSpec(input: Uint8Array | string, what: string): RuntimeSpec {
  return checkRuntimeSpec(parseSpecDocument(input, what), what);
}

/** Parses the process that `exec --process` takes: as `process` in a config.json. @throws ERR_OCI_SPEC */
export function parseProcess(input: Uint8Array | string, what: string): SpecProcess {
  return checkProcess(parseSpecDocument(input, what), what);
}

/** Checks a process that was put together from elsewhere. @throws ERR_OCI_SPEC */
export function checkProcess(process: unknown, what: string): SpecProcess {
  return checked(process, processShape, what);
}

/** Parses the resources that `update --resources` takes: as `linux.resources` in a config.json. @throws ERR_OCI_SPEC */
export function parseResources(input: Uint8Array | string, what: string): SpecResources {
  return checked(parseSpecDocument(input, what), resources, what);
}

function checked<T>(value: unknown, shape: Shape<T>, what: string): T {
  checkShape(value, shape, what, "ERR_OCI_SPEC");
  return value;
}

/**
 * Writes a specification, or a part of one, as JSON. Not `JSON.stringify`: a resource limit such as
 * 18446744073709551615 is a bigint here and must come out as that number.
 */
export function formatRuntimeSpec(spec: object): string {
  return formatJson(spec, "\t");
}

/**
 * Asserts what runc demands of a specification before it creates a container, beyond its form: a process with a program,
 * and a root.
 * @throws ERR_OCI_SPEC
 */
export function assertRunnable(spec: RuntimeSpec, what: string): asserts spec is RunnableSpec {
  checkShape(spec, runnable, what, "ERR_OCI_SPEC");
}

const runnable: Shape<RunnableSpec> = (value, _path, faults: Faults) => {
  const { process, root } = value as RuntimeSpec;
  if (process === undefined) faults.add("process", "required, got nothing");
  else if ((process.args ?? []).length === 0)
    faults.add("process.args", "expected a program and its arguments, got nothing");
  else if (process.args?.[0] === "") faults.add("process.args[0]", 'expected a program, got ""');
  if (root === undefined) faults.add("root", "required, got nothing");
};
