import { once } from "node:events";
import { closeSync, readFileSync, writeSync } from "node:fs";
import { builtinTrustAnchors, type TrustAnchor, trustAnchorsFromPem } from "@inclavare/attestation";
import { defineCommand, type Output } from "@inclavare/cli";
import { InclavareError } from "@inclavare/errors";
import { createDaemon } from "./daemon.ts";

const DEFAULT_DIRECTORY = "/run/rune";
const STOP_TIMEOUT_MS = 5000;

export const serveCommand = defineCommand({
  name: "",
  summary: "serves the node's workloads until SIGTERM",
  positionals: [],
  options: {
    listen: { type: "string", value: "HOST:PORT", help: "where to listen; port 0 takes a free one" },
    workloads: { type: "string", value: "DIR", help: `rune's state directory (default: ${DEFAULT_DIRECTORY})` },
    trust: {
      type: "string",
      multiple: true,
      value: "PEM",
      help: "roots or platform keys, in place of the built-in roots",
    },
    "ready-fd": {
      type: "string",
      value: "N",
      help: "write the address to this descriptor once it listens, and close it",
    },
  },
  async run({ values, stderr }) {
    const { host, port } = parseAddress(values.listen);
    const readyDescriptor = parseDescriptor(values["ready-fd"]);
    const log = createLog(stderr);
    const daemon = await createDaemon({
      host,
      port,
      directory: values.workloads ?? DEFAULT_DIRECTORY,
      trustAnchors: readTrustAnchors(values.trust),
      log,
    });
    try {
      const stopped = Promise.race(["SIGTERM", "SIGINT"].map(async (signal) => await once(process, signal)));
      const address = formatAddress(daemon);
      log("inclavared listens", { address });
      announce(readyDescriptor, { address, host: daemon.host, port: daemon.port });
      await stopped;
      log("inclavared stops", {});
    } finally {
      await daemon.stop(STOP_TIMEOUT_MS);
    }
  },
});

/** `HOST:PORT`, or `[HOST]:PORT` for IPv6. */
function parseAddress(text: string | undefined): { host: string; port: number } {
  if (text === undefined) throw new InclavareError("ERR_USAGE", "--listen HOST:PORT is missing");
  const [, bracketed, plain, digits = ""] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/u.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port > 65_535) {
    throw new InclavareError("ERR_USAGE", `--listen is "${text}", expected HOST:PORT`);
  }
  return { host, port };
}

function formatAddress({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseDescriptor(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const descriptor = Number(text);
  if (Number.isSafeInteger(descriptor) && descriptor >= 3) return descriptor;
  throw new InclavareError("ERR_USAGE", `--ready-fd is ${text}, expected a descriptor from 3 on`);
}

function announce(descriptor: number | undefined, ready: Readonly<Record<string, string | number>>): void {
  if (descriptor === undefined) return;
  try {
    writeSync(descriptor, `${JSON.stringify(ready)}\n`);
    closeSync(descriptor);
  } catch (error) {
    throw new InclavareError("ERR_FILE", `cannot write to descriptor ${descriptor}`, { cause: error });
  }
}

function readTrustAnchors(files: readonly string[]): readonly TrustAnchor[] {
  if (files.length === 0) return builtinTrustAnchors();
  return files.flatMap((file) => [...trustAnchorsFromPem(readPem(file))]);
}

function readPem(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new InclavareError("ERR_FILE", `cannot read ${file}`, { cause: error });
  }
}

/** One JSON object a line; the address that a caller waits for is in the first. */
function createLog(output: Output): (message: string, fields: Readonly<Record<string, string | number>>) => void {
  return (message, fields) => {
    output.write(`${JSON.stringify({ time: new Date().toISOString(), level: "info", msg: message, ...fields })}\n`);
  };
}
