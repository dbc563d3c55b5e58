import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import { readCollateral, readData } from "../test/vectors.ts";
import { builtinTrustAnchors, trustAnchorsFromPem } from "./trust-anchors.ts";

describe("builtinTrustAnchors", () => {
  it("holds the Intel SGX Root CA as published", () => {
    const [anchor] = builtinTrustAnchors();
    assert.ok(anchor);
    assert.equal(anchor.class, "genuine");
    assert.equal(
      createHash("sha256")
        .update(anchor.certificate?.raw ?? "")
        .digest("hex"),
      "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3",
    );
    assert.equal(
      Buffer.from(anchor.spki.subarray(-65)).toString("hex"),
      "040ba9c4c0c0c86193a3fe23d6b02cda10a8bbd4e88e48b4458561a36e705525f567918e2edc88e40d860bd0cc4ee26aacc988e505a953558c453f6b0904ae7394",
    );
  });
});

describe("trustAnchorsFromPem", () => {
  it("calls every key simulated that is not a vendor's, whatever its name", () => {
    const [anchor] = trustAnchorsFromPem(Buffer.from(readData("syn-processor.root.pem")).toString());
    assert.equal(anchor?.certificate?.subject.commonName, "Intel SGX Root CA");
    assert.equal(anchor.class, "simulated");
  });

  it("calls the vendor's key genuine, and passes over the other certificates of a chain", () => {
    const anchors = trustAnchorsFromPem(readCollateral("sgx-01.collateral.json").tcb_info_issuer_chain);
    assert.deepEqual(
      anchors.map(({ class: kind, vendor }) => [kind, vendor]),
      [["genuine", "Intel"]],
    );
  });

  it("refuses a file without a root, and one without certificates", () => {
    const chain = readCollateral("sgx-01.collateral.json").tcb_info_issuer_chain;
    const leaf = chain.slice(0, chain.indexOf("-----END CERTIFICATE-----") + 26);
    for (const pem of [leaf, "", "no PEM"]) {
      assert.throws(
        () => trustAnchorsFromPem(pem),
        (error) => isInclavareError(error, "ERR_TRUST_ANCHOR_FORMAT"),
      );
    }
  });
});
