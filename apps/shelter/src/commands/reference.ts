import { type Command, defineCommand, printJson, printTable } from "@inclavare/cli";
import { InclavareError } from "@inclavare/errors";
import type { ReferenceRecord, Store } from "../store.ts";
import { outputOption, stateOption } from "./options.ts";

const WORKLOAD_NAME = /^[\w.:@/+-]{1,128}$/u;
const MEASUREMENT = /^[0-9a-f]{64}$/u;
const MAX_U16 = 65_535;

/** `shelter reference add|list|remove`: what each workload is expected to be. */
export function createReferenceCommands(defaultState: string): Command[] {
  return [createAdd(defaultState), createList(defaultState), createRemove(defaultState)];
}

function createAdd(defaultState: string): Command {
  return defineCommand({
    name: "reference add",
    summary: "records the measurement that a workload is expected to have",
    positionals: ["NAME"],
    options: {
      mrenclave: { type: "string", value: "HEX", help: "MRENCLAVE, 32 bytes" },
      mrsigner: { type: "string", value: "HEX", help: "MRSIGNER, 32 bytes (default: any)" },
      "isv-prod-id": { type: "string", value: "N", help: "product id (default: any)" },
      "min-isv-svn": { type: "string", value: "N", help: "lowest security version (default: any)" },
      source: { type: "string", value: "TEXT", help: "where the values came from" },
      state: stateOption(defaultState),
    },
    notes: "Take the values from your own build (inclavare measure), never from the node that is to be attested.",
    async run({ values, positionals }) {
      const mrEnclave = parseMeasurement("mrenclave", values.mrenclave);
      if (mrEnclave === undefined) throw new InclavareError("ERR_USAGE", "--mrenclave HEX is missing");
      const mrSigner = parseMeasurement("mrsigner", values.mrsigner);
      const isvProdId = parseNumber("isv-prod-id", values["isv-prod-id"]);
      const minIsvSvn = parseNumber("min-isv-svn", values["min-isv-svn"]);
      using store = await loadStore(values.state ?? defaultState);
      store.addReference({
        workload: parseName(positionals[0]),
        mrEnclave,
        addedAt: new Date(),
        ...(mrSigner === undefined ? {} : { mrSigner }),
        ...(isvProdId === undefined ? {} : { isvProdId }),
        ...(minIsvSvn === undefined ? {} : { minIsvSvn }),
        ...(values.source === undefined ? {} : { source: values.source }),
      });
    },
  });
}

function createList(defaultState: string): Command {
  return defineCommand({
    name: "reference list",
    summary: "shows the recorded references",
    positionals: ["NAME?"],
    options: {
      output: outputOption("output"),
      state: stateOption(defaultState),
    },
    async run({ values, positionals, stdout }) {
      using store = await loadStore(values.state ?? defaultState);
      const records = store.listReferences(positionals[0]);
      if (values.output === "json") printJson(stdout, records);
      else
        printTable(stdout, [["WORKLOAD", "MRENCLAVE", "MRSIGNER", "PRODUCT", "SVN", "SOURCE"], ...records.map(toRow)]);
    },
  });
}

function createRemove(defaultState: string): Command {
  return defineCommand({
    name: "reference remove",
    summary: "forgets the references of a workload",
    positionals: ["NAME"],
    options: {
      mrenclave: { type: "string", value: "HEX", help: "only this one (default: all of the workload)" },
      state: stateOption(defaultState),
    },
    async run({ values, positionals }) {
      const name = parseName(positionals[0]);
      using store = await loadStore(values.state ?? defaultState);
      if (store.removeReferences(name, parseMeasurement("mrenclave", values.mrenclave)) === 0) {
        throw new InclavareError("ERR_REFERENCE_NOT_FOUND", `workload "${name}" has no such reference`);
      }
    },
  });
}

/** SQLite is loaded for these commands only. */
async function loadStore(directory: string): Promise<Store> {
  const { openStore } = await import("../store.ts");
  return openStore(directory);
}

function toRow({ workload, mrEnclave, mrSigner, isvProdId, minIsvSvn, source }: ReferenceRecord): string[] {
  const svn = minIsvSvn === undefined ? "any" : `>=${minIsvSvn}`;
  return [workload, mrEnclave, mrSigner ?? "any", String(isvProdId ?? "any"), svn, source ?? ""];
}

function parseName(text = ""): string {
  if (WORKLOAD_NAME.test(text)) return text;
  throw new InclavareError("ERR_USAGE", `"${text}" is not a workload name`);
}

function parseMeasurement(flag: string, text: string | undefined): string | undefined {
  const hex = text?.toLowerCase();
  if (hex === undefined || MEASUREMENT.test(hex)) return hex;
  throw new InclavareError("ERR_USAGE", `--${flag} is not 32 bytes in hexadecimal`);
}

function parseNumber(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d{1,5}$/u.test(text) && value <= MAX_U16) return value;
  throw new InclavareError("ERR_USAGE", `--${flag} is "${text}", expected 0 to ${MAX_U16}`);
}
