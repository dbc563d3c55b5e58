import { createHash } from "node:crypto";
import type { Policy } from "../policy.ts";

/**
 * A name for exactly this policy, the words of the command line included: the SHA-256 of its JSON with the members of
 * every object in order, as a URI.
 * @see RFC 6920, naming things with hashes
 */
export function policyIdOf(policy: Policy): string {
  const canonical = JSON.stringify(policy, (_, value: unknown) => (isObject(value) ? inOrder(value) : value));
  return `ni:///sha-256;${createHash("sha256").update(canonical).digest("base64url")}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function inOrder(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
