/** Rows for quotes that were recorded on hardware: our verifier beside the one on npm, and event-loop delay under load. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { verify as verifyByPeer } from "@phala/dcap-qvl";
import {
  builtinTrustAnchors,
  parseCollateralBundle,
  VerificationCache,
  verifySgxQuote,
  verifyTdxQuote,
} from "../packages/attestation/src/index.ts";
import { compare, type Row, secondsOf } from "./sample.ts";

const FOLDER = join(import.meta.dirname, "..", "test", "vectors", "dcap");
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

export async function quoteRows(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [id, title, time] of VECTORS) {
    for (const kept of [false, true]) rows.push(await vectorRow(id, { title, now: new Date(time), kept }));
  }
  return rows;
}

async function vectorRow(
  id: string,
  { title, now, kept }: { readonly title: string; readonly now: Date; readonly kept: boolean },
): Promise<Row> {
  const quote = readFileSync(join(FOLDER, `${id}.quote.bin`));
  const collateral = parseCollateralBundle(
    JSON.parse(readFileSync(join(FOLDER, `${id}.collateral.json`), "utf8")),
    "collateral",
  );
  const trustAnchors = builtinTrustAnchors();
  const cache = new VerificationCache();
  const verify = id.startsWith("sgx") ? verifySgxQuote : verifyTdxQuote;
  const ours = (): unknown => verify({ quote, collateral, trustAnchors, now, ...(kept ? { cache } : {}) });
  const peer = (): unknown => verifyByPeer(quote, collateral, Math.floor(now.getTime() / 1000));
  const turns = kept ? TURNS.warm : TURNS.cold;
  return await compare(
    `${title}, ${kept ? "collateral kept" : "everything anew"} / @phala/dcap-qvl`,
    BATCHES,
    async () => (await secondsOf(repeat(ours, turns))) / turns,
    async () => (await secondsOf(repeat(peer, TURNS.peer))) / TURNS.peer,
  );
}

function repeat(action: () => unknown, turns: number): () => void {
  return () => {
    for (let turn = 0; turn < turns; turn++) action();
  };
}
