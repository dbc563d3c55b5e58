import type { ControlRequest, InitRequest, ProcessRequest } from "@inclavare/container";
import { InclavareError, type JsonValue } from "@inclavare/errors";

const MOST_STRINGS = 65_536;

/** Checks a message of the control protocol. @throws ERR_CONTROL_REQUEST naming the member that is wrong. */
export function parseControlRequest(message: JsonValue): ControlRequest {
  const record = asRecord(message, "the message");
  const op = asString(record["op"], "op");
  switch (op) {
    case "init":
      return { op: "init", request: parseInit(asRecord(record["request"], "request")) };
    case "start":
    case "state":
      return { op };
    case "kill":
      return { op: "kill", signal: asSignal(record["signal"]), all: record["all"] === true };
    case "attest":
      return { op, nonce: asString(record["nonce"], "nonce") };
    case "exec":
      return { op: "exec", process: parseProcess(asRecord(record["process"], "process")) };
    default:
      throw wrong("op", "one of init, start, state, kill, attest, exec");
  }
}

function parseInit(request: Readonly<Record<string, JsonValue>>): InitRequest {
  return {
    containerId: asString(request["containerId"], "request.containerId"),
    runtime: asString(request["runtime"], "request.runtime"),
    runtimeArgs: asString(request["runtimeArgs"], "request.runtimeArgs"),
    logLevel: asString(request["logLevel"], "request.logLevel"),
    process: parseProcess(asRecord(request["process"], "request.process")),
  };
}

function parseProcess(process: Readonly<Record<string, JsonValue>>): ProcessRequest {
  return {
    args: asStrings(process["args"], "process.args"),
    env: asStrings(process["env"] ?? [], "process.env"),
    cwd: asString(process["cwd"] ?? "/", "process.cwd"),
    terminal: process["terminal"] === true,
  };
}

function asRecord(value: JsonValue | undefined, path: string): Readonly<Record<string, JsonValue>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(path, "an object");
  return value as Readonly<Record<string, JsonValue>>;
}

function asString(value: JsonValue | undefined, path: string): string {
  if (typeof value !== "string" || value.includes("\0")) throw wrong(path, "a string without NUL");
  return value;
}

function asStrings(value: JsonValue | undefined, path: string): string[] {
  if (!Array.isArray(value) || value.length > MOST_STRINGS)
    throw wrong(path, `an array of at most ${MOST_STRINGS} strings`);
  return value.map((item: JsonValue, index) => asString(item, `${path}[${index}]`));
}

function asSignal(value: JsonValue | undefined): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > 64)
    throw wrong("signal", "an integer from 1 to 64");
  return value;
}

function wrong(path: string, expected: string): InclavareError {
  return new InclavareError("ERR_CONTROL_REQUEST", `${path} is not ${expected}`, { details: { path } });
}
