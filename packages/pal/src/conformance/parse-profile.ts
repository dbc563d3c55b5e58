import { InclavareError } from "@inclavare/errors";
import { DEFAULT_PROFILE, type Profile, type Programs } from "./profile.ts";

/** Fields of a program beside `path` and `argv`; an optional one ends with `?`. */
const PROGRAM_FIELDS: Readonly<Record<keyof Programs, readonly string[]>> = {
  exits: [],
  arguments: ["shows"],
  environment: ["shows"],
  copies: [],
  complains: ["shows"],
  blocks: ["ready?"],
  deep: [],
};

/**
 * Reads a profile from JSON text. What it leaves out is as in the default profile, but `programs` is taken as a whole.
 * @param what names the input in errors
 * @throws ERR_PAL_PROFILE with the path of the field
 */
export function parseProfile(text: string, what: string): Profile {
  const top = new Reader(parseJson(text, what), what, "");
  top.allow(["init", "programs", "missingPath", "signal", "deadlineMs"]);
  const { init, programs, missingPath, signal, deadlineMs } = DEFAULT_PROFILE;
  const attributes = top.object("init");
  attributes?.allow(["args", "logLevel"]);
  return {
    init: {
      args: attributes?.text("args") ?? init.args,
      logLevel: attributes?.text("logLevel") ?? init.logLevel,
    },
    programs: readPrograms(top.object("programs")) ?? programs,
    missingPath: top.text("missingPath") ?? missingPath,
    signal: top.integer("signal", 64) ?? signal,
    deadlineMs: top.integer("deadlineMs", 600_000) ?? deadlineMs,
  };
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InclavareError("ERR_PAL_PROFILE", `${what} is no JSON`, { cause });
  }
}

function readPrograms(reader: Reader | undefined): Programs | undefined {
  reader?.allow(Object.keys(PROGRAM_FIELDS));
  if (reader === undefined) return undefined;
  const programs = Object.entries(PROGRAM_FIELDS).flatMap(([name, fields]) => {
    const program = reader.object(name);
    return program === undefined ? [] : [[name, readProgram(program, fields)] as const];
  });
  // Without it next to nothing could be checked, and nothing would be found wrong.
  reader.required("exits", reader.object("exits"));
  // Each has the fields that PROGRAM_FIELDS names for it.
  return Object.fromEntries(programs) as unknown as Programs;
}

function readProgram(reader: Reader, fields: readonly string[]): object {
  reader.allow(["path", "argv", ...fields.map((field) => field.replace("?", ""))]);
  const more = fields.flatMap((field) => {
    const key = field.replace("?", "");
    const value = field.endsWith("?") ? reader.text(key) : reader.required(key, reader.text(key));
    return value === undefined ? [] : [[key, value] as const];
  });
  return {
    path: reader.required("path", reader.text("path")),
    argv: reader.required("argv", reader.texts("argv")),
    ...Object.fromEntries(more),
  };
}

/** An object of the input, whose fields are read with their path in errors. */
class Reader {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #what: string;
  readonly #path: string;

  constructor(value: unknown, what: string, path: string) {
    this.#what = what;
    this.#path = path;
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw this.#wrong("", "an object");
    this.#fields = value as Record<string, unknown>;
  }

  allow(names: readonly string[]): void {
    const unknown = Object.keys(this.#fields).find((name) => !names.includes(name));
    if (unknown !== undefined) throw this.#wrong(unknown, `one of ${names.join(", ")}`);
  }

  object(name: string): Reader | undefined {
    const value = this.#fields[name];
    return value === undefined ? undefined : new Reader(value, this.#what, this.#pathOf(name));
  }

  /** Without NUL, which C strings cannot hold. */
  text(name: string): string | undefined {
    const value = this.#fields[name];
    if (value === undefined || isText(value)) return value;
    throw this.#wrong(name, "a string without NUL");
  }

  texts(name: string): readonly string[] | undefined {
    const value = this.#fields[name];
    if (value === undefined || (Array.isArray(value) && value.every(isText))) return value;
    throw this.#wrong(name, "an array of strings without NUL");
  }

  integer(name: string, most: number): number | undefined {
    const value = this.#fields[name];
    const isRight = typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= most;
    if (value === undefined || isRight) return value;
    throw this.#wrong(name, `an integer from 1 to ${most}`);
  }

  required<T>(name: string, value: T | undefined): T {
    if (value === undefined) throw this.#wrong(name, "to be there");
    return value;
  }

  #pathOf(name: string): string {
    return [this.#path, name].filter((part) => part !== "").join(".");
  }

  #wrong(name: string, expected: string): InclavareError {
    const path = this.#pathOf(name) || "the whole";
    return new InclavareError("ERR_PAL_PROFILE", `${this.#what}: ${path}: expected ${expected}`, { details: { path } });
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string" && !value.includes("\0");
}
