import { posix } from "node:path";
import { InclavareError } from "@inclavare/errors";
import type { AppImageInput } from "../app-image/types.ts";
import { assertWasmCommand } from "./module.ts";
import { resolveInside } from "./resolve.ts";

/** Where execvp looks when nobody sets PATH, as in runc. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface ProgramQuery {
  /** The first argument, as the image or the caller has it. */
  readonly name: string | undefined;
  /** Absolute. */
  readonly cwd: string;
  /** The variable PATH. */
  readonly searchPath: string | undefined;
}

/**
 * The carrier of the runtime `wasm`: finds the program among the files of an ordinary image and checks that the runtime
 * can run it. A name without a slash is looked for along PATH, then in the working directory.
 * @returns the program's absolute path, as it was named: links on the way stay in it.
 * @throws ERR_IMAGE_ENTRYPOINT, ERR_IMAGE_ESCAPE, ERR_IMAGE_NOT_WASM
 */
export async function findWasmProgram(
  entries: ReadonlyMap<string, AppImageInput>,
  { name, cwd, searchPath }: ProgramQuery,
): Promise<string> {
  if (name === undefined || name === "") throw missing("the image names no program: no Entrypoint and no Cmd");
  for (const path of candidates(name, cwd, searchPath)) {
    const found = resolveInside(entries, path);
    const file = found === undefined ? undefined : entries.get(found.path);
    if (file === undefined) continue;
    if (file.type !== "file") throw missing(`${inRuncsWords(path)}: is a directory`);
    assertWasmCommand(await file.read(), `the program ${path}`);
    // With ".." in it, tidying the text could lead elsewhere than walking did, through a link.
    return path.split("/").includes("..") ? file.path : posix.normalize(path);
  }
  const what = name.includes("/") ? `stat ${name}: no such file or directory` : "executable file not found in $PATH";
  throw missing(`${inRuncsWords(name)}: ${what}`);
}

/** The ways to read the name; only one that leads to something counts. */
function candidates(name: string, cwd: string, searchPath = DEFAULT_PATH): string[] {
  if (name.startsWith("/")) return [name];
  // Plain concatenation: normalising would hide that a name climbs out of the image.
  if (name.includes("/")) return [`${cwd}/${name}`];
  const folders = searchPath.split(":").filter((folder) => folder.startsWith("/"));
  return [...folders, cwd].map((folder) => `${folder}/${name}`);
}

/** From these, callers such as dockerd tell what was wrong. */
function inRuncsWords(name: string): string {
  return `unable to start container process: exec: ${JSON.stringify(name)}`;
}

function missing(message: string): InclavareError {
  return new InclavareError("ERR_IMAGE_ENTRYPOINT", message);
}
