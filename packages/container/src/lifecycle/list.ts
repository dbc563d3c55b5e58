import { InclavareError } from "@inclavare/errors";
import { containerPaths } from "../paths.ts";
import { findContainers } from "../record.ts";
import { mustRunc } from "../runc.ts";
import { type Engine, SHORT_MS } from "./engine.ts";
import { mergeState, type OciState, statusOf } from "./state.ts";

/** Every container below runc's root, plain ones as runc lists them, enclave containers as their callers know them. */
export async function listContainers(engine: Engine): Promise<readonly OciState[]> {
  const { root } = engine.runc;
  const records = new Map(findContainers(engine.config.rune.state, root).map(({ record }) => [record.id, record]));
  const listed = parseList(await mustRunc(engine.runc, { args: ["list", "--format", "json"], deadlineMs: SHORT_MS }));
  const states: OciState[] = [];
  for (const state of listed) {
    const record = records.get(state.id);
    const { control } = containerPaths(engine.config.rune.state, root, state.id);
    states.push(
      record === undefined ? state : mergeState(state, record, await statusOf(state.status, record, control)),
    );
  }
  return states;
}

function parseList(text: string): readonly OciState[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new InclavareError("ERR_RUNC", "runc's list is not JSON", { cause });
  }
  if (value === null) return [];
  if (Array.isArray(value)) return value as OciState[];
  throw new InclavareError("ERR_RUNC", "runc's list is not an array");
}
