import { InclavareError } from "@inclavare/errors";
import { parseJson } from "@inclavare/oci";

/** What `install docker` has changed in a daemon.json, for undo. */
export interface InstallRecord {
  /** The file's text before; null where there was no file. */
  readonly before: string | null;
  /** The file's text after our last change. */
  readonly after: string;
  /** Paths of the runtimes that we added, by name. */
  readonly runtimes: Readonly<Record<string, string>>;
}

const LIMIT_BYTES = 8 << 20;

/** @throws ERR_JSON when it is not one of ours */
export function parseRecord(text: string, what: string): InstallRecord {
  const value = parseJson(text, { what, code: "ERR_JSON", limitBytes: LIMIT_BYTES });
  if (isRecord(value)) return value;
  throw new InclavareError("ERR_JSON", `${what} is not a record of 'inclavare install docker'`);
}

export function formatRecord({ before, after, runtimes }: InstallRecord): string {
  return `${JSON.stringify({ before, after, runtimes }, undefined, 2)}\n`;
}

function isRecord(value: unknown): value is InstallRecord {
  if (typeof value !== "object" || value === null) return false;
  const { before, after, runtimes } = value as Partial<Record<keyof InstallRecord, unknown>>;
  return (
    (before === null || typeof before === "string") &&
    typeof after === "string" &&
    typeof runtimes === "object" &&
    runtimes !== null &&
    Object.values(runtimes).every((path) => typeof path === "string")
  );
}
