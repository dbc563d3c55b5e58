/** Whatever bytes come from services, files, certificates and daemons: a value or an error with a code. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import { encodeCbor } from "../src/cbor.ts";
import { decodeChainHeader } from "../src/collateral/chain-header.ts";
import { admitArtefact, type ArtefactRequest, formatArtefacts, parseArtefacts } from "../src/collateral/index.ts";
import { createBundleSource, createEndorsementSource } from "../src/collateral/local.ts";
import { decodeContainerClaim, encodeContainerClaim } from "../src/container-claim.ts";
import { encodeEndorsements, ENDORSEMENTS_EXTENSION } from "../src/index.ts";
import { toPemText } from "../src/pem-text.ts";
import { decodeEndorsements } from "../src/ratls/endorsements.ts";
import { createSnpWorld } from "./snp-world.ts";
import { createWorld } from "./world.ts";

const { collateral, trustAnchors } = createWorld();
const snp = createSnpWorld({ revokes: [] });
const channel = { update: "standard" } as const;
const REQUESTS: readonly ArtefactRequest[] = [
  { kind: "tcb-info", tee: "sgx", fmspc: "00a0b0c0d0e0", channel },
  { kind: "qe-identity", tee: "sgx", channel },
  { kind: "pck-crl", ca: "processor" },
  { kind: "root-crl" },
  { kind: "vcek", product: "Milan", hwid: "77".repeat(64), tcb: "04000000000018db" },
  { kind: "snp-chain", product: "Milan", key: "vcek" },
  { kind: "snp-crl", product: "Milan", key: "vcek" },
];

function holds(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    if (!isInclavareError(error)) throw error;
  }
}

/** Bytes of any kind, and good ones with a few of them changed. */
function near(good: Uint8Array): fc.Arbitrary<Uint8Array> {
  const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
  const changed = fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    const bytes = Uint8Array.from(good);
    for (const [at, byte] of changes) bytes[at] = byte;
    return bytes;
  });
  return fc.oneof(
    changed,
    fc.nat(good.length).map((size) => good.slice(0, size)),
    fc.uint8Array({ maxLength: 512 }),
  );
}

describe("bytes of others", () => {
  it("endorsements of a certificate", () => {
    const good = encodeEndorsements(collateral);
    const decode = (value: Uint8Array): unknown =>
      decodeEndorsements({ extensions: new Map([[ENDORSEMENTS_EXTENSION, { critical: false, value }]]) });
    assert.notEqual(decode(good), undefined);
    fc.assert(fc.property(near(good), (value) => holds(() => decode(value))));
  });

  it("a container's claim", () => {
    const identity = { mrEnclave: "00".repeat(32), mrSigner: "11".repeat(32), isvProdId: 1, isvSvn: 2, debug: false };
    fc.assert(
      fc.property(near(encodeContainerClaim(identity)), (value) => {
        holds(() => {
          // What is taken has one form only.
          assert.deepEqual(Buffer.from(encodeContainerClaim(decodeContainerClaim(value))), Buffer.from(value));
        });
      }),
    );
    fc.assert(fc.property(fc.jsonValue(), (value) => holds(() => decodeContainerClaim(encodeCbor(value)))));
  });

  it("certificates and lists in every form, and headers", () => {
    const der = Buffer.from(collateral.pck_crl, "hex");
    fc.assert(fc.property(near(der), (value) => holds(() => toPemText(value, "X509 CRL", "list"))));
    fc.assert(fc.property(fc.string(), (value) => holds(() => decodeChainHeader(value, "header"))));
  });

  it("files of artefacts", () => {
    const artefacts = [{ request: REQUESTS[0] ?? assert.fail(), body: "x", origin: "y" }];
    const good = Buffer.from(formatArtefacts(artefacts));
    fc.assert(
      fc.property(near(good), (value) => {
        holds(() => {
          let json: unknown;
          try {
            json = JSON.parse(Buffer.from(value).toString());
          } catch {
            return;
          }
          parseArtefacts(json, "file");
        });
      }),
    );
  });

  it("artefacts of every kind: nothing that was changed is admitted as another thing", async () => {
    const bundle = createBundleSource(collateral, "bundle");
    const endorsements = createEndorsementSource(snp.endorsements.join("\n"), "endorsements");
    const anchors = [...trustAnchors, ...snp.trustAnchors];
    const context = { signal: new AbortController().signal, lookUp: async () => await Promise.reject(new Error("no")) };
    for (const request of REQUESTS) {
      const source = ["vcek", "snp-chain", "snp-crl"].includes(request.kind) ? endorsements : bundle;
      const [artefact] = await source.fetch(request, context);
      if (artefact === undefined) assert.fail(request.kind);
      const { notBefore, notAfter } = admitArtefact(artefact, anchors);
      fc.assert(
        fc.property(near(Buffer.from(artefact.body)), (bytes) => {
          holds(() => {
            // Text around a certificate may differ; what is signed may not.
            const admitted = admitArtefact({ ...artefact, body: Buffer.from(bytes).toString("latin1") }, anchors);
            assert.deepEqual([admitted.notBefore, admitted.notAfter], [notBefore, notAfter]);
          });
        }),
      );
    }
  });
});
