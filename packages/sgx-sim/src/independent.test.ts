/** Another verifier's opinion of what the simulated platform makes: an independent library, given the platform's root. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { createSigstruct, generateSigningKey, Measurement, PAGE_FLAGS } from "@inclavare/sgx";
import { QuoteVerifier } from "@phala/dcap-qvl";
import { createPlatform, type Platform } from "./index.ts";

const directory = mkdtempSync(join(tmpdir(), "inclavare-independent-"));
after(() => rmSync(directory, { recursive: true, force: true }));
const now = new Date("2026-06-01T12:00:00Z");
const seconds = now.getTime() / 1000;
const platform = await createPlatform(join(directory, "platform"), { now });
const other = await createPlatform(join(directory, "other"), { now });
const reportData = Uint8Array.from({ length: 64 }, (_, index) => index);

function quoteOf(on: Platform): Uint8Array {
  const measurement = Measurement.create({ sizeBytes: 0x4000, ssaFrameSize: 1 });
  measurement.addRegion(0, PAGE_FLAGS.r, Buffer.from("independent"));
  const fields = { mrEnclave: measurement.digest(), isvProdId: 9, isvSvn: 2, date: now, debug: false };
  const sigstruct = createSigstruct(fields, generateSigningKey());
  return on.launch({ measurement, debug: false, sigstruct }).quote(reportData);
}

function verifier({ rootCertificatePem }: Platform): QuoteVerifier {
  return QuoteVerifier.newWithRootCa(Buffer.from(new X509Certificate(rootCertificatePem).raw));
}

describe("a quote of the simulated platform, by @phala/dcap-qvl", () => {
  const quote = quoteOf(platform);
  const collateral = platform.collateral(now);

  it("is up to date under the platform's root, with the enclave's own report data", () => {
    const { status, advisory_ids: advisories, report } = verifier(platform).verify(quote, collateral, seconds);
    assert.deepEqual([status, advisories], ["UpToDate", []]);
    assert.deepEqual(Uint8Array.from(report.asSgx()?.reportData ?? []), reportData);
  });

  it("is nothing under Intel's root, or under another platform's", () => {
    assert.throws(() => QuoteVerifier.newProd().verify(quote, collateral, seconds));
    assert.throws(() => verifier(other).verify(quote, collateral, seconds));
    assert.throws(() => verifier(platform).verify(quote, other.collateral(now), seconds));
  });

  it("is nothing with one bit of it changed, or past the date of its collateral", () => {
    const altered = Uint8Array.from(quote);
    altered[48 + 64] = (altered[48 + 64] ?? 0) ^ 1;
    assert.throws(() => verifier(platform).verify(altered, collateral, seconds));
    assert.throws(() => verifier(platform).verify(quote, collateral, seconds + 40 * 24 * 3600));
  });
});
