const DEFAULT_DOMAIN = "docker.io";

/**
 * Completes a name as docker does, so that `alpine` finds `docker.io/library/alpine:latest`. A digest stays as it is.
 * @see distribution/reference, ParseNormalizedNamed and TagNameOnly
 */
export function normalizeReference(reference: string): string {
  const slash = reference.indexOf("/");
  const first = slash < 0 ? "" : reference.slice(0, slash);
  const hasDomain = /[.:]/u.test(first) || first === "localhost";
  const domain = hasDomain ? (first === "index.docker.io" ? DEFAULT_DOMAIN : first) : DEFAULT_DOMAIN;
  const rest = hasDomain ? reference.slice(slash + 1) : reference;
  const path = domain === DEFAULT_DOMAIN && !rest.includes("/") ? `library/${rest}` : rest;
  const tagged = path.includes("@") || /:[^/]*$/u.test(path);
  return `${domain}/${path}${tagged ? "" : ":latest"}`;
}

/** True when an image that is known under `names` is the one that `reference` asks for. */
export function matchesReference(names: Iterable<string>, reference: string): boolean {
  const wanted = normalizeReference(reference);
  for (const name of names) if (name === reference || normalizeReference(name) === wanted) return true;
  return false;
}
