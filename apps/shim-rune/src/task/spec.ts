import { readFileSync } from "node:fs";
import { join } from "node:path";
import { InclavareError } from "@inclavare/errors";

/** What the shim itself looks at in a bundle's config.json; checking it is the runtime's business. */
export interface SpecView {
  readonly process?: { readonly user?: { readonly uid?: number; readonly gid?: number } };
  readonly linux?: {
    readonly namespaces?: readonly { readonly type?: string; readonly path?: string }[];
    readonly cgroupsPath?: string;
  };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** @throws ERR_FILE, ERR_JSON */
export function readSpec(bundle: string): SpecView {
  const file = join(bundle, "config.json");
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new InclavareError("ERR_FILE", `cannot read ${file}`, { cause });
  }
  try {
    return JSON.parse(text) as SpecView;
  } catch (cause) {
    throw new InclavareError("ERR_JSON", `${file} is not JSON`, { cause });
  }
}

/** Whether the kernel ends all processes of the container with its first one. */
export function hasOwnPidNamespace({ linux }: SpecView): boolean {
  return linux?.namespaces?.some(({ type, path }) => type === "pid" && (path ?? "") === "") === true;
}
