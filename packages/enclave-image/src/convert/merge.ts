import type { JsonValue } from "@inclavare/errors";
import { checkManifest } from "../manifest/parse.ts";
import type { EnclaveManifest } from "../manifest/types.ts";

/** Changes to a manifest: a JSON merge patch (RFC 7396), in which null removes; `args` is replaced as a whole. */
export type ManifestPatch = { readonly [K in keyof EnclaveManifest]?: JsonValue };

type Members = Readonly<Record<string, unknown>>;

/**
 * Applies patches in their order and checks the result.
 * @throws ERR_MANIFEST
 */
export function patchManifest(
  manifest: EnclaveManifest,
  patches: readonly ManifestPatch[],
  what: string,
): EnclaveManifest {
  const merged = patches.reduce<Members>(
    (result, patch) => ({
      ...(merge(result, patch) as Members),
      ...(patch.args === undefined ? {} : { args: patch.args }),
    }),
    manifest as unknown as Members,
  );
  return checkManifest(merged, what);
}

function merge(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const members = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) members.delete(name);
    else members.set(name, merge(members.get(name), value));
  }
  return Object.fromEntries(members);
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
