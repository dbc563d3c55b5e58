import { InclavareError, type JsonValue } from "@inclavare/errors";
import type { JsonObject } from "@inclavare/linux";
import { runRunc } from "../runc.ts";
import { type Engine, SHORT_MS } from "./engine.ts";

/** What every runtime does of which more is not known: one that is older than the command `features`. */
const LEAST_FEATURES: JsonObject = {
  ociVersionMin: "1.0.0",
  ociVersionMax: "1.0.2",
  hooks: ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
};

/** What the low-level runtime says about itself. @throws ERR_RUNC */
export async function runcFeatures(engine: Engine): Promise<JsonObject> {
  const { code, stdout: text } = await runRunc(engine.runc, { args: ["features"], deadlineMs: SHORT_MS });
  if (code !== 0) return LEAST_FEATURES;
  try {
    const value = JSON.parse(text) as JsonValue;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch (cause) {
    throw new InclavareError("ERR_RUNC", "runc's features are not JSON", { cause });
  }
  throw new InclavareError("ERR_RUNC", "runc's features are not an object");
}
