/** Artefacts on disk: a file each, whole or not there, nobody else's to read; and the highest evaluation numbers seen. */
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { InclavareError, isInclavareError } from "@inclavare/errors";
import type { Artefact } from "./artefact.ts";
import { formatArtefacts, parseArtefacts } from "./artefact-file.ts";

const MOST_FILES = 1024;
const MOST_FILE_BYTES = 16 << 20;

/** All of it is a cache but the numbers: those make sure that what has been newer does not become older. */
export class CollateralStore {
  readonly #artefacts: string;
  readonly #numbers: string;

  /** @throws InclavareError ERR_FILE; ERR_STATE_DIRECTORY where others can write to it or read it */
  constructor(directory: string) {
    this.#artefacts = join(directory, "artefacts");
    this.#numbers = join(directory, "evaluation-numbers");
    for (const path of [directory, this.#artefacts, this.#numbers]) prepare(path);
  }

  /** What was kept under this key; nothing where the file is gone or damaged, which then is removed. */
  load(key: string): Artefact | undefined {
    const path = join(this.#artefacts, fileName(key));
    const text = readIfThere(path);
    if (text === undefined) return undefined;
    try {
      const [artefact] = parseArtefacts(parseJson(text), path);
      return artefact;
    } catch (error) {
      if (!isInclavareError(error)) throw error;
      rmSync(path, { force: true });
      return undefined;
    }
  }

  /** The oldest files make room for new ones. @throws InclavareError ERR_FILE */
  save(key: string, artefact: Artefact): void {
    writeAtomically(this.#artefacts, fileName(key), formatArtefacts([artefact]));
    this.#makeRoom();
  }

  remove(key: string): void {
    rmSync(join(this.#artefacts, fileName(key)), { force: true });
  }

  /** Everything that can still be read. */
  list(): readonly Artefact[] {
    return readdirSync(this.#artefacts)
      .filter((name) => name.endsWith(".json"))
      .flatMap((name) => {
        const text = readIfThere(join(this.#artefacts, name));
        try {
          return text === undefined ? [] : parseArtefacts(parseJson(text), name);
        } catch (error) {
          if (isInclavareError(error)) return [];
          throw error;
        }
      });
  }

  /** @throws InclavareError ERR_COLLATERAL_STORE for a damaged record: to take it for none would let an older one in. */
  highestNumber(key: string): number | undefined {
    const path = join(this.#numbers, fileName(key));
    const text = readIfThere(path);
    if (text === undefined) return undefined;
    const number = /^\d{1,15}\n$/u.test(text) ? Number(text) : undefined;
    if (number !== undefined) return number;
    throw new InclavareError("ERR_COLLATERAL_STORE", `${path} is damaged; "shelter collateral clear" starts anew`);
  }

  raiseNumber(key: string, number: number): void {
    if (number <= (this.highestNumber(key) ?? -1)) return;
    writeAtomically(this.#numbers, fileName(key), `${number}\n`);
  }

  /** Forgets everything, the numbers too. */
  clear(): void {
    for (const directory of [this.#artefacts, this.#numbers]) {
      for (const name of readdirSync(directory)) rmSync(join(directory, name), { force: true });
    }
  }

  #makeRoom(): void {
    const names = readdirSync(this.#artefacts);
    if (names.length <= MOST_FILES) return;
    const age = (name: string): number =>
      statSync(join(this.#artefacts, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
    const oldest = names.map((name) => ({ name, at: age(name) })).toSorted((a, b) => a.at - b.at);
    for (const { name } of oldest.slice(0, names.length - MOST_FILES)) {
      rmSync(join(this.#artefacts, name), { force: true });
    }
  }
}

function fileName(key: string): string {
  return `${createHash("sha256").update(key).digest("hex")}.json`;
}

function prepare(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const { mode, uid } = statSync(directory);
    if ((mode & 0o077) === 0 && uid === process.geteuid?.()) return;
  } catch (cause) {
    throw new InclavareError("ERR_FILE", `cannot prepare directory ${directory}`, { cause });
  }
  throw new InclavareError("ERR_STATE_DIRECTORY", `${directory} is not ours alone: expected our own, of mode 700`);
}

function readIfThere(path: string): string | undefined {
  try {
    const size = statSync(path, { throwIfNoEntry: false })?.size;
    return size === undefined || size > MOST_FILE_BYTES ? undefined : readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new InclavareError("ERR_FILE", `cannot read ${path}`, { cause });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Another process sees the old file or the new one; a crash leaves one of them. */
function writeAtomically(directory: string, name: string, text: string): void {
  const temporary = join(directory, `.${randomBytes(8).toString("hex")}.tmp`);
  try {
    const file = openSync(temporary, "wx", 0o600);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    chmodSync(temporary, 0o600);
    renameSync(temporary, join(directory, name));
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw new InclavareError("ERR_FILE", `cannot write to ${directory}`, { cause });
  }
}
