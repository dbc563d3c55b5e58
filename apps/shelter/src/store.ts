import { chmodSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { InclavareError, isInclavareError } from "@inclavare/errors";
import { prepareStateDirectory } from "./state-directory.ts";

/** What a workload is expected to be, recorded by whoever measured it, never learnt from a node. */
export interface ReferenceRecord {
  readonly workload: string;
  /** Hex, as in every verdict. */
  readonly mrEnclave: string;
  readonly mrSigner?: string;
  readonly isvProdId?: number;
  readonly minIsvSvn?: number;
  /** Where the values came from, for people. */
  readonly source?: string;
  readonly addedAt: Date;
}

/** Shelter's memory: one SQLite file in its state directory. */
export interface Store extends Disposable {
  /** @throws InclavareError ERR_REFERENCE_EXISTS for a measurement that the workload has already. */
  addReference(record: ReferenceRecord): void;
  /** All, or those of one workload; by name, then by age. */
  listReferences(workload?: string): ReferenceRecord[];
  /** Removes the references of a workload, or only the one with this measurement; tells how many. */
  removeReferences(workload: string, mrEnclave?: string): number;
}

const FILE_NAME = "shelter.sqlite";
const SCHEMA_VERSION = 1;

const SCHEMA = `
  CREATE TABLE reference (
    workload TEXT NOT NULL,
    mr_enclave TEXT NOT NULL,
    mr_signer TEXT,
    isv_prod_id INTEGER,
    min_isv_svn INTEGER,
    source TEXT,
    added_at TEXT NOT NULL,
    PRIMARY KEY (workload, mr_enclave)
  ) STRICT;
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/**
 * Opens the store, making it where there is none: directory 0700, file 0600.
 * @throws InclavareError ERR_STORE where the file is damaged, or was written by a newer release.
 */
export function openStore(directory: string): Store {
  prepareStateDirectory(directory);
  const path = join(directory, FILE_NAME);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 5000 });
    chmodSync(path, 0o600);
    migrate(database, path);
    return new SqliteStore(database);
  } catch (error) {
    database?.close();
    if (isInclavareError(error)) throw error;
    throw new InclavareError("ERR_STORE", `cannot open ${path}`, { cause: error });
  }
}

/** In one transaction, so that two commands at once do not both make the tables. */
function migrate(database: DatabaseSync, path: string): void {
  database.exec("BEGIN IMMEDIATE");
  const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
  if (version !== 0 && version !== SCHEMA_VERSION) {
    throw new InclavareError("ERR_STORE", `${path} has schema ${version}, expected ${SCHEMA_VERSION}`);
  }
  if (version === 0) database.exec(SCHEMA);
  database.exec("COMMIT");
}

class SqliteStore implements Store {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  addReference({ workload, mrEnclave, mrSigner, isvProdId, minIsvSvn, source, addedAt }: ReferenceRecord): void {
    const { changes } = this.#run("INSERT OR IGNORE INTO reference VALUES (?, ?, ?, ?, ?, ?, ?)", [
      workload,
      mrEnclave,
      mrSigner ?? null,
      isvProdId ?? null,
      minIsvSvn ?? null,
      source ?? null,
      addedAt.toISOString(),
    ]);
    if (changes === 0) {
      throw new InclavareError("ERR_REFERENCE_EXISTS", `workload "${workload}" has reference ${mrEnclave} already`);
    }
  }

  listReferences(workload?: string): ReferenceRecord[] {
    const [where, values] = workload === undefined ? ["", []] : ["WHERE workload = ?", [workload]];
    const text = `SELECT * FROM reference ${where} ORDER BY workload, added_at, mr_enclave`;
    return this.#guard(() =>
      this.#database
        .prepare(text)
        .all(...values)
        .map(toRecord),
    );
  }

  removeReferences(workload: string, mrEnclave?: string): number {
    if (mrEnclave === undefined) return this.#run("DELETE FROM reference WHERE workload = ?", [workload]).changes;
    return this.#run("DELETE FROM reference WHERE workload = ? AND mr_enclave = ?", [workload, mrEnclave]).changes;
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #run(text: string, values: readonly (string | number | null)[]): { changes: number } {
    return this.#guard(() => ({ changes: Number(this.#database.prepare(text).run(...values).changes) }));
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw new InclavareError("ERR_STORE", "the store cannot be read or written", { cause: error });
    }
  }
}

function toRecord(row: Record<string, unknown>): ReferenceRecord {
  const { mr_signer: mrSigner, isv_prod_id: isvProdId, min_isv_svn: minIsvSvn, source } = row;
  return {
    workload: String(row["workload"]),
    mrEnclave: String(row["mr_enclave"]),
    addedAt: new Date(String(row["added_at"])),
    ...(typeof mrSigner === "string" ? { mrSigner } : {}),
    ...(typeof isvProdId === "number" ? { isvProdId } : {}),
    ...(typeof minIsvSvn === "number" ? { minIsvSvn } : {}),
    ...(typeof source === "string" ? { source } : {}),
  };
}
