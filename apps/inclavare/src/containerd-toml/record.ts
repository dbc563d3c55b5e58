import { InclavareError } from "@inclavare/errors";
import { parseJson } from "@inclavare/oci";
import { isTable } from "./document.ts";
import type { Runtimes } from "./edit.ts";

/** What `install containerd` has changed, for undo. */
export interface InstallRecord {
  /** Texts by path, before (null: no such file) and after our last change. */
  readonly files: Readonly<Record<string, { readonly before: string | null; readonly after: string }>>;
  /** The tables that we added. */
  readonly runtimes: Runtimes;
}

const LIMIT_BYTES = 16 << 20;

/** @throws ERR_JSON when it is not one of ours */
export function parseRecord(text: string, what: string): InstallRecord {
  const value: unknown = parseJson(text, { what, code: "ERR_JSON", limitBytes: LIMIT_BYTES });
  if (isRecord(value)) return value;
  throw new InclavareError("ERR_JSON", `${what} is not a record of 'inclavare install containerd'`);
}

export function formatRecord(record: InstallRecord): string {
  return `${JSON.stringify(record, undefined, 2)}\n`;
}

function isRecord(value: unknown): value is InstallRecord {
  if (!isTable(value)) return false;
  const { files, runtimes } = value;
  return (
    isTable(files) && Object.values(files).every(isFile) && isTable(runtimes) && Object.values(runtimes).every(isTable)
  );
}

function isFile(value: unknown): boolean {
  if (!isTable(value)) return false;
  return (value["before"] === null || typeof value["before"] === "string") && typeof value["after"] === "string";
}
