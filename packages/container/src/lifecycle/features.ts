import { InclavareError, type JsonValue } from "@inclavare/errors";
import type { JsonObject } from "@inclavare/linux";
import { mustRunc } from "../runc.ts";
import { type Engine, SHORT_MS } from "./engine.ts";

/** What the low-level runtime says about itself. @throws ERR_RUNC (a runtime older than the command, for one) */
export async function runcFeatures(engine: Engine): Promise<JsonObject> {
  const text = await mustRunc(engine.runc, { args: ["features"], deadlineMs: SHORT_MS });
  try {
    const value = JSON.parse(text) as JsonValue;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch (cause) {
    throw new InclavareError("ERR_RUNC", "runc's features are not JSON", { cause });
  }
  throw new InclavareError("ERR_RUNC", "runc's features are not an object");
}
