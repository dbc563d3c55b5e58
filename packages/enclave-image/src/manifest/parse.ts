import { InclavareError } from "@inclavare/errors";
import { parseJson } from "@inclavare/oci";
import * as v from "valibot";
import { canonicalJson } from "../canonical.ts";
import { MANIFEST_LIMIT_BYTES } from "../constants.ts";
import { manifestSchema } from "./schema.ts";
import type { EnclaveManifest } from "./types.ts";

/**
 * Parses and checks an enclave manifest: UTF-8 JSON of at most 1 MiB, no name twice, no unknown member.
 * @param what which input it is, for messages.
 * @throws ERR_MANIFEST, with the member in the message and in `details.member`.
 */
export function parseManifest(bytes: Uint8Array, what: string): EnclaveManifest {
  return checkManifest(parseJson(bytes, { what, code: "ERR_MANIFEST", limitBytes: MANIFEST_LIMIT_BYTES }), what);
}

/** Checks a value that may be a manifest. @throws ERR_MANIFEST */
export function checkManifest(value: unknown, what: string): EnclaveManifest {
  const result = v.safeParse(manifestSchema, value, { abortEarly: true });
  if (!result.success) throw faultOf(result.issues[0], what);
  // The checker leaves out names such as __proto__ in silence; what it did not see must not be measured.
  if (canonicalJson(result.output) !== canonicalJson(value)) {
    throw new InclavareError("ERR_MANIFEST", `${what}: env.fixed has a variable whose name cannot be represented`);
  }
  return result.output;
}

/** The manifest as canonical JSON: sorted names, no space, one line feed at the end. */
export function encodeManifest(manifest: EnclaveManifest): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${canonicalJson(manifest)}\n`);
}

function faultOf(issue: v.BaseIssue<unknown>, what: string): InclavareError {
  const member = v.getDotPath(issue) ?? "";
  const rule =
    issue.kind === "schema" ? `must be ${issue.expected ?? "absent"}, it is ${issue.received}` : issue.message;
  return new InclavareError("ERR_MANIFEST", `${what}: ${member === "" ? rule : `${member} ${rule}`}`, {
    details: { member },
  });
}
