/** Rows for quotes that were recorded on hardware: our verifier beside the one on npm, and event-loop delay under load. */
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { verify as verifyByPeer } from "@phala/dcap-qvl";
import {
  builtinTrustAnchors,
  type CollateralBundle,
  parseCollateralBundle,
  VerificationCache,
  VerificationQueue,
  verifyEvidence,
  verifySgxQuote,
  verifySnpReport,
  verifyTdxQuote,
} from "../packages/attestation/src/index.ts";
import { compare, type Row, secondsOf } from "./sample.ts";

const FOLDER = join(import.meta.dirname, "..", "test", "vectors");
/** Of the recorded quotes, those that the peer accepts with the status that Intel's own library gives. */
const VECTORS = [
  ["sgx-01", "SGX v3", "2025-07-04T00:00:00Z"],
  ["tdx-01", "TDX v4", "2025-07-04T00:00:00Z"],
  ["tdx-02", "TDX v5", "2026-03-01T00:00:00Z"],
  ["tdx-04", "TDX v4, out of date", "2025-10-25T00:00:00Z"],
] as const;
const BATCHES = 25;
/** A batch of ours is longer by what the ratio is about, so that both are timed over some ten milliseconds. */
const TURNS = { peer: 4, cold: 16, warm: 80 } as const;

const MANY = 1000;

export async function quoteRows(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [id, title, time] of VECTORS) {
    for (const kept of [false, true]) rows.push(await vectorRow(id, { title, now: new Date(time), kept }));
  }
  return [...rows, await reportRow(), await delayRow()];
}

function read(name: string): Buffer {
  return readFileSync(join(FOLDER, name));
}

function readCollateral(id: string): CollateralBundle {
  return parseCollateralBundle(JSON.parse(read(`dcap/${id}.collateral.json`).toString()), "collateral");
}

async function vectorRow(
  id: string,
  { title, now, kept }: { readonly title: string; readonly now: Date; readonly kept: boolean },
): Promise<Row> {
  const quote = read(`dcap/${id}.quote.bin`);
  const collateral = readCollateral(id);
  const trustAnchors = builtinTrustAnchors();
  const cache = new VerificationCache();
  const verifyQuote = id.startsWith("sgx") ? verifySgxQuote : verifyTdxQuote;
  const ours = (): unknown => verifyQuote({ quote, collateral, trustAnchors, now, ...(kept ? { cache } : {}) });
  const peer = (): unknown => verifyByPeer(quote, collateral, Math.floor(now.getTime() / 1000));
  const turns = kept ? TURNS.warm : TURNS.cold;
  return await compare(
    `${title}, ${kept ? "collateral kept" : "everything anew"} / @phala/dcap-qvl`,
    BATCHES,
    async () => (await secondsOf(repeat(ours, turns))) / turns,
    async () => (await secondsOf(repeat(peer, TURNS.peer))) / TURNS.peer,
  );
}

/** A report of a Milan, beside its one signature with P-384, with the chain verified before. */
async function reportRow(): Promise<Row> {
  const report = read("snp/milan-v2-b.report.bin");
  const endorsements = `${read("snp/chain-milan.pem").toString()}${toPem(read("snp/milan-v2-b.vek.der"))}`;
  const [trustAnchors, cache, now] = [builtinTrustAnchors(), new VerificationCache(), new Date("2024-06-01T00:00:00Z")];
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const signature = sign("sha384", report, privateKey);
  const turns = TURNS.cold;
  return await compare(
    "SEV-SNP report, chain kept / one P-384 signature alone",
    BATCHES,
    async () =>
      await secondsOf(repeat(() => verifySnpReport({ report, endorsements, trustAnchors, now, cache }), turns)),
    async () => await secondsOf(repeat(() => verify("sha384", report, publicKey, signature), turns)),
  );
}

function toPem(der: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${der.toString("base64")}\n-----END CERTIFICATE-----\n`;
}

/** The longest time that the event loop is held while a thousand quotes are verified, by the queue and all in one go. */
async function delayRow(): Promise<Row> {
  const [bytes, collateral] = [read("dcap/tdx-01.quote.bin"), readCollateral("tdx-01")];
  const trustAnchors = builtinTrustAnchors();
  const input = {
    bytes,
    collateral,
    trustAnchors,
    now: new Date("2025-07-04T00:00:00Z"),
    allow: [],
    evidenceOnly: true,
  };
  using queue = new VerificationQueue();
  const cache = new VerificationCache();
  const many = Array.from({ length: MANY });
  return await compare(
    `longest event-loop delay, ${MANY} quotes at once: queue / without it`,
    BATCHES,
    () => longestDelay(async () => await Promise.all(many.map(() => queue.verify(input)))),
    () => longestDelay(async () => await Promise.all(many.map(async () => verifyEvidence({ ...input, cache })))),
  );
}

async function longestDelay(action: () => Promise<unknown>): Promise<number> {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  // Its first tick is the one that the next is measured from.
  await setTimeout(5);
  await action();
  await setTimeout(5);
  histogram.disable();
  return histogram.max / 1e9;
}

function repeat(action: () => unknown, turns: number): () => void {
  return () => {
    for (let turn = 0; turn < turns; turn++) action();
  };
}
