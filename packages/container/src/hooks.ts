import { InclavareError } from "@inclavare/errors";
import type { SpecHook, SpecHooks } from "@inclavare/oci";

/** The command that runs a hook for the caller: `command... BUNDLE PATH ARG0 ARGS...`; see {@link parseWrappedHook}. */
export interface HookWrapper {
  /** An absolute path and the arguments before ours. */
  readonly command: readonly [string, ...string[]];
  /** The caller's bundle, which the hook is to see. */
  readonly bundle: string;
}

const WRAPPED = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"] as const;

/**
 * Puts the wrapper in front of every hook, because runc would tell them the derived bundle's path. runc keeps their
 * moments, namespaces, time limits and failures.
 * startContainer hooks are left out: runc would run them before init-runelet, and `start` runs them instead.
 */
export function wrapHooks(hooks: SpecHooks, wrapper: HookWrapper): SpecHooks {
  const { startContainer: _, ...others } = hooks;
  const wrapped = Object.fromEntries(
    WRAPPED.filter((name) => hooks[name] !== undefined).map((name) => [
      name,
      (hooks[name] ?? []).map((hook) => wrap(hook, wrapper)),
    ]),
  );
  return { ...others, ...wrapped };
}

function wrap(hook: SpecHook, { command, bundle }: HookWrapper): SpecHook {
  return { ...hook, path: command[0], args: [...command, bundle, hook.path, ...(hook.args ?? [])] };
}

/** What a wrapped hook's command line says. */
export interface WrappedHook {
  readonly bundle: string;
  readonly path: string;
  /** `argv[0]` and the rest, as the caller wrote them. */
  readonly args: readonly string[];
}

/** @throws ERR_USAGE */
export function parseWrappedHook(args: readonly string[]): WrappedHook {
  const [bundle, path, ...rest] = args;
  if (bundle === undefined || path === undefined)
    throw new InclavareError("ERR_USAGE", "a hook needs the bundle and the program's path");
  return { bundle, path, args: rest.length === 0 ? [path] : rest };
}

/** The state that a hook reads on its standard input, with the caller's bundle in it. @throws ERR_HOOK */
export function withBundle(state: string, bundle: string): string {
  try {
    const value: unknown = JSON.parse(state);
    if (typeof value === "object" && value !== null) return JSON.stringify({ ...value, bundle });
  } catch (cause) {
    throw new InclavareError("ERR_HOOK", "the state for a hook is not JSON", { cause });
  }
  throw new InclavareError("ERR_HOOK", "the state for a hook is not an object");
}
