import { writeFileSync } from "node:fs";
import { parseCollateralBundle, type TrustAnchor } from "@inclavare/attestation";
import type { Artefact, CollateralStore } from "@inclavare/attestation/collateral";
import { type Command, defineCommand, printJson, printTable } from "@inclavare/cli";
import { InclavareError } from "@inclavare/errors";
import { namesServices, openCache, openStore, parseEvaluation, serviceOptions } from "../collateral.ts";
import { readBytes, readJson, readTrustAnchors } from "../inputs.ts";
import { outputOption, stateOption, trustOption } from "./options.ts";

const EXIT_COLLATERAL = 4;

/** `shelter collateral …`: the cache of collateral, looked at and carried to where there is no network. */
export function createCollateralCommands(defaultState: string): Command[] {
  return [
    createShow(defaultState),
    createFetch(defaultState),
    createExport(defaultState),
    createImport(defaultState),
    createNumbers(defaultState),
    createClear(defaultState),
  ];
}

function createShow(defaultState: string): Command {
  return defineCommand({
    name: "collateral show",
    summary: "says of each piece of collateral in the cache, or in a file, until when it counts",
    positionals: ["FILE?"],
    options: { trust: trustOption, state: stateOption(defaultState), output: outputOption("list") },
    async run({ values, positionals: [file], stdout }) {
      const trustAnchors = readTrustAnchors(values.trust);
      const artefacts =
        file === undefined ? (await openStore(values.state ?? defaultState)).list() : await readArtefacts(file);
      const { printArtefacts, toRow } = await import("../collateral-table.ts");
      const now = new Date();
      const rows = artefacts.map((artefact) => toRow(artefact, trustAnchors, now));
      printArtefacts(stdout, rows, values.output);
    },
  });
}

function createFetch(defaultState: string): Command {
  return defineCommand({
    name: "collateral fetch",
    summary: "fills the cache with what the verification of this evidence needs",
    positionals: ["EVIDENCE"],
    options: { ...serviceOptions, trust: trustOption, state: stateOption(defaultState) },
    async run({ values, positionals: [evidence = ""], stderr }) {
      if (!namesServices(values)) throw new InclavareError("ERR_USAGE", "--pcs URL or --kds URL is missing");
      const trustAnchors = readTrustAnchors(values.trust);
      const now = (): Date => new Date();
      const cache = await openCache(values, { state: values.state ?? defaultState, trustAnchors, now });
      const { resolveCollateral } = await import("@inclavare/attestation/collateral");
      const channel = parseEvaluation(values.evaluation);
      const { sourceFailures } = await resolveCollateral(readBytes(evidence), { cache, channel });
      for (const { code, message } of sourceFailures) stderr.write(`${message} [${code}]\n`);
      return sourceFailures.length === 0 ? 0 : EXIT_COLLATERAL;
    },
  });
}

function createExport(defaultState: string): Command {
  return defineCommand({
    name: "collateral export",
    summary: "writes the cache to a file, for a verifier without a network",
    positionals: ["FILE"],
    options: { state: stateOption(defaultState) },
    async run({ values, positionals: [file = ""], stderr }) {
      const artefacts = (await openStore(values.state ?? defaultState)).list();
      const { formatArtefacts } = await import("@inclavare/attestation/collateral");
      try {
        writeFileSync(file, formatArtefacts(artefacts), { mode: 0o600 });
      } catch (cause) {
        throw new InclavareError("ERR_FILE", `cannot write ${file}`, { cause });
      }
      stderr.write(`${artefacts.length} artefacts written\n`);
    },
  });
}

function createImport(defaultState: string): Command {
  return defineCommand({
    name: "collateral import",
    summary:
      "takes a file's collateral into the cache: what is signed under a trusted root, counts now, and is not older",
    positionals: ["FILE"],
    options: { trust: trustOption, state: stateOption(defaultState), output: outputOption("list") },
    async run({ values, positionals: [file = ""], stdout }) {
      const trustAnchors = readTrustAnchors(values.trust);
      const store = await openStore(values.state ?? defaultState);
      const rows = await importArtefacts(await readArtefacts(file), { store, trustAnchors, now: new Date() });
      const { printArtefacts } = await import("../collateral-table.ts");
      printArtefacts(stdout, rows, values.output);
      return rows.every(({ state }) => state === "current") ? 0 : EXIT_COLLATERAL;
    },
  });
}

function createNumbers(defaultState: string): Command {
  return defineCommand({
    name: "collateral numbers",
    summary: "lists the TCB evaluations that a certification service has",
    positionals: [],
    options: {
      ...serviceOptions,
      tee: { type: "string", choices: ["sgx", "tdx"], help: "of this TEE (default: sgx)" },
      trust: trustOption,
      state: stateOption(defaultState),
      output: outputOption("list"),
    },
    async run({ values, stdout }) {
      if (!namesServices(values)) throw new InclavareError("ERR_USAGE", "--pcs URL is missing");
      const trustAnchors = readTrustAnchors(values.trust);
      const now = (): Date => new Date();
      const cache = await openCache(values, { state: values.state ?? defaultState, trustAnchors, now });
      const tee = values.tee === "tdx" ? "tdx" : "sgx";
      const { body } = await cache.get({ kind: "tcb-evaluation-numbers", tee });
      const { evaluationNumbersOf } = await import("@inclavare/attestation/collateral");
      const rows = evaluationNumbersOf(body);
      if (values.output === "json") printJson(stdout, rows);
      else {
        const cells = rows.map(({ number, recoveryEvent, tcbDate }) => [String(number), recoveryEvent, tcbDate]);
        printTable(stdout, [["NUMBER", "RECOVERY EVENT", "TCB DATE"], ...cells]);
      }
    },
  });
}

function createClear(defaultState: string): Command {
  return defineCommand({
    name: "collateral clear",
    summary: "forgets the cache, and which TCB evaluations have been seen",
    positionals: [],
    options: { state: stateOption(defaultState) },
    async run({ values }) {
      (await openStore(values.state ?? defaultState)).clear();
    },
  });
}

/** Of a file of artefacts, or of a bundle. @throws InclavareError ERR_COLLATERAL_FORMAT and others of files */
async function readArtefacts(file: string): Promise<readonly Artefact[]> {
  const { isArtefactFile, parseArtefacts, splitBundle } = await import("@inclavare/attestation/collateral");
  const json = readJson(file);
  return isArtefactFile(json) ? parseArtefacts(json, file) : splitBundle(parseCollateralBundle(json, file), file);
}

interface ImportPlace {
  readonly store: CollateralStore;
  readonly trustAnchors: readonly TrustAnchor[];
  readonly now: Date;
}

/** Each by itself: one that is refused keeps no other out. */
async function importArtefacts(artefacts: readonly Artefact[], { store, trustAnchors, now }: ImportPlace) {
  const { admitArtefact, CollateralCache } = await import("@inclavare/attestation/collateral");
  const { toRow } = await import("../collateral-table.ts");
  const { isInclavareError } = await import("@inclavare/errors");
  const cache = new CollateralCache({ sources: [], trustAnchors, now: () => now, store });
  return artefacts.map((artefact) => {
    const row = toRow(artefact, trustAnchors, now);
    if (row.state !== "current") return row;
    try {
      cache.add(admitArtefact(artefact, trustAnchors));
      return row;
    } catch (error) {
      if (!isInclavareError(error)) throw error;
      return { ...row, state: "rejected", code: error.code, reason: error.message } as const;
    }
  });
}
