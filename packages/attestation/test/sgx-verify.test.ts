import assert from "node:assert/strict";
import { type KeyObject, sign } from "node:crypto";
import { describe, it } from "node:test";
import type { ErrorCode } from "@inclavare/errors";
import { derBitString, derContext, derSequence, EXTENSION, readDer, readOid, toPem } from "@inclavare/x509";
import { exitCodeOf, VerificationCache, type Verdict, verifyEvidence, type VerifyEvidenceInput } from "../src/index.ts";
import {
  createWorld,
  enclaveLevel,
  newKey,
  NOW,
  platformLevel,
  SERIALS,
  sgxExtension,
  type World,
  type WorldOptions,
} from "./world.ts";

function verify(world: World, change: Partial<VerifyEvidenceInput> = {}): Verdict {
  const { quote: bytes, collateral, trustAnchors } = world;
  return verifyEvidence({ bytes, collateral, trustAnchors, now: NOW, allow: [], evidenceOnly: true, ...change });
}

function failures(verdict: Verdict): readonly (readonly [string, ErrorCode | undefined])[] {
  return verdict.checks.filter(({ result }) => result === "failed").map(({ check, code }) => [check, code]);
}

const longAgo = new Date("2025-06-10T00:00:00Z");

/** Each world has exactly one thing wrong with it: check, code and exit code that must come of it. */
const WRONG: readonly (readonly [string, WorldOptions, string, ErrorCode, number])[] = [
  ["PCK certificate revoked", { caRevokes: [SERIALS.pck] }, "pck-crl", "ERR_CERTIFICATE_REVOKED", 3],
  ["PCK CA revoked", { rootRevokes: [SERIALS.ca] }, "root-crl", "ERR_CERTIFICATE_REVOKED", 3],
  ["root CRL signed by another key", { rootCrl: { signingKey: newKey() } }, "root-crl", "ERR_CRL", 3],
  ["root CRL of another issuer", { rootCrl: { issuer: { CN: "Other" } } }, "root-crl", "ERR_CRL", 3],
  ["PCK CRL signed by another key", { pckCrl: { signingKey: newKey() } }, "pck-crl", "ERR_CRL", 3],
  ["PCK CRL of another issuer", { pckCrl: { issuer: { CN: "Other" } } }, "pck-crl", "ERR_CRL", 3],
  ["root CRL expired", { rootCrl: { nextUpdate: longAgo } }, "collateral-current", "ERR_COLLATERAL_EXPIRED", 4],
  ["PCK CRL expired", { pckCrl: { nextUpdate: longAgo } }, "collateral-current", "ERR_COLLATERAL_EXPIRED", 4],
  [
    "PCK CRL of the future",
    { pckCrl: { thisUpdate: new Date("2025-06-20T00:00:00Z") } },
    "collateral-current",
    "ERR_COLLATERAL_EXPIRED",
    4,
  ],
  [
    "TCB Info expired",
    { tcbInfo: { nextUpdate: "2025-06-14T00:00:00Z" } },
    "collateral-current",
    "ERR_COLLATERAL_EXPIRED",
    4,
  ],
  [
    "TCB Info of the future",
    { tcbInfo: { issueDate: "2025-06-16T00:00:00Z" } },
    "collateral-current",
    "ERR_COLLATERAL_EXPIRED",
    4,
  ],
  [
    "QE Identity expired",
    { qeIdentity: { nextUpdate: "2025-06-14T00:00:00Z" } },
    "collateral-current",
    "ERR_COLLATERAL_EXPIRED",
    4,
  ],
  ["TCB signing expired", { signingUntil: longAgo }, "collateral-current", "ERR_COLLATERAL_EXPIRED", 4],
  ["PCK certificate expired", { pckUntil: longAgo }, "pck-time", "ERR_PCK_TIME", 3],
  ["TCB Info of another platform", { tcbInfo: { fmspc: "112233445566" } }, "tcb-info", "ERR_COLLATERAL_MISMATCH", 3],
  ["TCB Info of another PCE", { tcbInfo: { pceId: "0001" } }, "tcb-info", "ERR_COLLATERAL_MISMATCH", 3],
  ["TCB Info of TDX", { tcbInfo: { id: "TDX" } }, "tcb-info", "ERR_COLLATERAL_MISMATCH", 3],
  ["TCB Info of version 4", { tcbInfo: { version: 4 } }, "tcb-info", "ERR_COLLATERAL_CONTENT", 3],
  ["TCB Info of type 1", { tcbInfo: { tcbType: 1 } }, "tcb-info", "ERR_COLLATERAL_CONTENT", 3],
  [
    "TCB Info with an unknown status",
    { tcbInfo: { tcbLevels: [platformLevel("Splendid", 5)] } },
    "tcb-info",
    "ERR_COLLATERAL_CONTENT",
    3,
  ],
  ["QE Identity of TDX", { qeIdentity: { id: "TD_QE" } }, "qe-identity", "ERR_COLLATERAL_MISMATCH", 3],
  ["QE of another signer", { qeIdentity: { mrsigner: "00".repeat(32) } }, "qe-identity-match", "ERR_QE_IDENTITY", 3],
  ["QE of another product", { qeIdentity: { isvprodid: 2 } }, "qe-identity-match", "ERR_QE_IDENTITY", 3],
  ["QE with other MISCSELECT", { qeReport: { miscSelect: 1 } }, "qe-identity-match", "ERR_QE_IDENTITY", 3],
  ["debug QE", { qeReport: { attributes: { flags: 0x13n, xfrm: 0xe7n } } }, "qe-identity-match", "ERR_QE_IDENTITY", 3],
  ["QE below all levels", { qeReport: { isvSvn: 5 } }, "tcb-level", "ERR_TCB_NOT_SUPPORTED", 3],
  ["platform below all levels", { components: Array<number>(16).fill(1) }, "tcb-level", "ERR_TCB_NOT_SUPPORTED", 3],
  ["PCE below all levels", { pceSvn: 1 }, "tcb-level", "ERR_TCB_NOT_SUPPORTED", 3],
  [
    "QE report data of another key",
    { qeReport: { reportData: Buffer.alloc(64, 1) } },
    "qe-report-data",
    "ERR_QE_REPORT_DATA",
    3,
  ],
];

/** As above, where further steps have nothing left to look at. */
const WRONG_EARLY: readonly (readonly [string, WorldOptions, string, ErrorCode])[] = [
  ["root with another role", { names: { root: "Intel SGX TCB Signing" } }, "pck-chain", "ERR_PCK_CHAIN"],
  ["PCK certificate with another role", { names: { pck: "Intel SGX TCB Signing" } }, "pck-chain", "ERR_PCK_CHAIN"],
  ["PCK CA without the right to sign", { caUsage: ["digitalSignature"] }, "pck-chain", "ERR_PCK_CHAIN"],
  ["PCK CA that is no CA", { caIsCa: false }, "pck-chain", "ERR_PCK_CHAIN"],
  [
    "PCK certificate that names another issuer",
    { names: { pckIssuer: "Intel SGX PCK Platform CA" } },
    "pck-chain",
    "ERR_PCK_CHAIN",
  ],
  [
    "PCK certificate that names another key of its issuer",
    { pckAuthority: new Uint8Array(20) },
    "pck-chain",
    "ERR_PCK_CHAIN",
  ],
  ["PCK certificate without SGX extension", { pckExtensions: [] }, "pck-chain", "ERR_PCK_CHAIN"],
  [
    "PCK certificate with an empty SGX extension",
    { pckExtensions: [{ ...sgxExtension({}), value: derSequence() }] },
    "pck-chain",
    "ERR_PCK_CHAIN",
  ],
  [
    "PCK certificate with an unknown critical extension",
    { pckExtensions: [sgxExtension({}), { oid: "1.2.3.4", critical: true, value: derSequence() }] },
    "pck-chain",
    "ERR_PCK_CHAIN",
  ],
  ["TCB signing certificate with another role", { names: { tcbSigning: "Other" } }, "tcb-info", "ERR_COLLATERAL_CHAIN"],
  ["TCB signing certificate revoked", { rootRevokes: [SERIALS.tcbSigning] }, "tcb-info", "ERR_CERTIFICATE_REVOKED"],
  ["documents signed by the PCK CA", { documentKey: createWorld().keys.ca }, "tcb-info", "ERR_COLLATERAL_SIGNATURE"],
];

/** The same list, signed by the same key, without one of its extensions. */
function withoutExtension(hex: string, oid: string, key: KeyObject): string {
  const [tbs, algorithm] = readDer(Buffer.from(hex, "hex")).children;
  const fields = tbs?.children ?? [];
  const extensions = fields.at(-1)?.children[0]?.children ?? [];
  const kept = extensions.filter(({ children: [type] }) => readOid(type, "extension") !== oid);
  assert.equal(kept.length, extensions.length - 1);
  const body = derSequence(
    ...fields.slice(0, -1).map(({ raw }) => raw),
    derContext(0, derSequence(...kept.map(({ raw }) => raw))),
  );
  const signed = derSequence(body, algorithm?.raw ?? new Uint8Array(), derBitString(sign("sha256", body, key)));
  return Buffer.from(signed).toString("hex");
}

describe("examineSgxQuote", () => {
  it("verifies a world without fault", () => {
    const verdict = verify(createWorld());
    assert.equal(verdict.verdict, "verified");
    assert.deepEqual(verdict.tcb, { status: "UpToDate", advisories: [], evaluationDataNumber: 16 });
    assert.equal(verdict.tee, "simulated");
  });

  for (const [what, options, check, code, exit] of WRONG) {
    it(`refuses: ${what}`, () => {
      const verdict = verify(createWorld(options));
      assert.deepEqual(failures(verdict), [[check, code]]);
      assert.equal(exitCodeOf(verdict), exit);
    });
  }

  for (const [what, options, check, code] of WRONG_EARLY) {
    it(`refuses: ${what}`, () => {
      const verdict = verify(createWorld(options));
      assert.deepEqual(failures(verdict)[0], [check, code]);
      assert.equal(exitCodeOf(verdict), 3);
    });
  }

  it("refuses a revoked TCB level, and says so in its status", () => {
    const verdict = verify(createWorld({ tcbInfo: { tcbLevels: [platformLevel("Revoked", 5)] } }));
    assert.deepEqual(failures(verdict), [["tcb-revocation", "ERR_TCB_REVOKED"]]);
    assert.equal(verdict.tcb?.status, "Revoked");
    assert.equal(exitCodeOf(verdict), 3);
  });

  it("refuses a revoked quoting enclave under any policy", () => {
    const world = createWorld({ qeIdentity: { tcbLevels: [enclaveLevel("Revoked", 8)] } });
    const policy = { referenceValues: [], acceptedTcbStatuses: ["Revoked", "UpToDate"], allow: [] } as const;
    const allow = ["simulated", "no-reference", "no-nonce", "out-of-date"] as const;
    const verdict = verify(world, { policy, allow, evidenceOnly: false });
    assert.equal(verdict.verdict, "refused");
    assert.equal(exitCodeOf(verdict), 3);
  });

  it("merges status and advisories of platform and quoting enclave", () => {
    const levels = [platformLevel("ConfigurationNeeded", 5, ["INTEL-SA-1", "INTEL-SA-2"])];
    const identity = [enclaveLevel("OutOfDate", 8, ["INTEL-SA-2", "INTEL-SA-3"])];
    const verdict = verify(createWorld({ tcbInfo: { tcbLevels: levels }, qeIdentity: { tcbLevels: identity } }));
    assert.equal(verdict.tcb?.status, "OutOfDateConfigurationNeeded");
    assert.deepEqual(verdict.tcb.advisories, ["INTEL-SA-1", "INTEL-SA-2", "INTEL-SA-3"]);
  });

  it("takes a lower component for no match although all others are higher", () => {
    const components = Array.from({ length: 16 }, (_, index) => (index === 15 ? 4 : 255));
    const verdict = verify(createWorld({ components }));
    assert.equal(verdict.tcb?.status, "OutOfDate");
  });

  it("reads component values above 127", () => {
    const levels = [platformLevel("UpToDate", 200), platformLevel("OutOfDate", 100)];
    const world = createWorld({
      components: Array<number>(16).fill(200),
      pceSvn: 200,
      tcbInfo: { tcbLevels: levels },
    });
    assert.equal(verify(world).tcb?.status, "UpToDate");
  });

  it("compares FMSPC in either case", () => {
    assert.equal(verify(createWorld({ tcbInfo: { fmspc: "00A0B0C0D0E0" } })).verdict, "verified");
  });

  for (const version of [4, 5] as const) {
    it(`verifies a quote of version ${version}`, () => {
      const verdict = verify(createWorld({ version }));
      assert.deepEqual(failures(verdict), []);
      assert.deepEqual([verdict.tcb?.status, verdict.measurement?.tee], ["UpToDate", "sgx"]);
      assert.deepEqual(failures(verify(createWorld({ version, certificationType: 6 })))[0], [
        "quote-format",
        "ERR_EVIDENCE_FORMAT",
      ]);
    });
  }

  it("takes QE authentication data of any size", () => {
    for (const size of [0, 1, 64, 1000]) {
      const world = createWorld({ qeAuthData: new Uint8Array(size) });
      assert.equal(verify(world).verdict, "verified", `${size} bytes`);
    }
  });

  it("ignores padding behind the signature data", () => {
    const world = createWorld();
    assert.equal(verify(world, { bytes: Buffer.concat([world.quote, Buffer.alloc(300)]) }).verdict, "verified");
  });

  it("takes a document that a tool has laid out anew, and nothing else that reads the same", () => {
    const { collateral, ...world } = createWorld();
    const text = collateral.tcb_info;
    const judge = (tcb_info: string): Verdict => verify({ ...world, collateral: { ...collateral, tcb_info } });
    for (const laidOut of [JSON.stringify(JSON.parse(text), null, 2), ` ${text}\r\n`, text.replaceAll(",", "\t,")]) {
      assert.equal(judge(laidOut).verdict, "verified");
    }
    const { id, version, ...rest } = JSON.parse(text) as Record<string, unknown>;
    for (const other of [
      JSON.stringify({ version, id, ...rest }),
      text.replace('"pcesvn":5', '"pcesvn":5.0'),
      text.replace('"UpToDate"', '"UpTo Date"'),
      text.replace('"SGX"', '"\\u0053GX"'),
    ]) {
      assert.deepEqual(failures(judge(other)), [["tcb-info", "ERR_COLLATERAL_SIGNATURE"]], other);
    }
  });

  it("takes a signature in hexadecimal of either case, and no bytes around it", () => {
    const { collateral, ...world } = createWorld();
    const signature = collateral.qe_identity_signature;
    const judge = (qe_identity_signature: string): Verdict =>
      verify({ ...world, collateral: { ...collateral, qe_identity_signature } });
    assert.equal(judge(signature.toUpperCase()).verdict, "verified");
    for (const other of [
      `${signature}zz`,
      `${signature}00`,
      signature.slice(0, -2),
      `0x${signature}`,
      "00".repeat(64),
    ]) {
      assert.deepEqual(failures(judge(other)), [["qe-identity", "ERR_COLLATERAL_SIGNATURE"]], other);
    }
  });

  for (const [name, oid] of Object.entries(EXTENSION)) {
    if (name === "crlNumber") continue;
    it(`refuses a PCK certificate without ${name}`, () => {
      assert.deepEqual(failures(verify(createWorld({ pckOmits: oid })))[0], ["pck-chain", "ERR_PCK_CHAIN"]);
    });
  }

  for (const oid of [EXTENSION.crlNumber, EXTENSION.authorityKeyId]) {
    it(`refuses revocation lists without ${oid}`, () => {
      const { collateral, ...world } = createWorld();
      for (const [member, key, check] of [
        ["root_ca_crl", world.keys.root, "root-crl"],
        ["pck_crl", world.keys.ca, "pck-crl"],
      ] as const) {
        const lacking = withoutExtension(collateral[member], oid, key);
        const verdict = verify({ ...world, collateral: { ...collateral, [member]: lacking } });
        assert.deepEqual(failures(verdict)[0], [check, "ERR_CRL"]);
      }
    });
  }

  it("wants the PCK CRL's own chain to be that of the PCK's issuer, and not revoked", () => {
    const ours = createWorld({ rootRevokes: [9n] });
    for (const [other, code] of [
      [createWorld({ caKey: newKey() }), "ERR_COLLATERAL_CHAIN"],
      [createWorld({ caSerial: 9n }), "ERR_CERTIFICATE_REVOKED"],
    ] as const) {
      const collateral = { ...ours.collateral, pck_crl_issuer_chain: other.collateral.pck_crl_issuer_chain };
      assert.deepEqual(failures(verify({ ...ours, collateral })), [["pck-crl", code]]);
    }
  });

  it("takes chains in any order", () => {
    const reversed = (pem: string): string =>
      (pem.match(/-----BEGIN[^-]*-----[^-]*-----END[^-]*-----\n/gu) ?? []).reverse().join("");
    const world = createWorld({ certificationType: 3 });
    const { collateral } = world;
    const verdict = verify({
      ...world,
      collateral: {
        ...collateral,
        pck_certificate_chain: reversed(world.pckChain),
        pck_crl_issuer_chain: reversed(collateral.pck_crl_issuer_chain),
        tcb_info_issuer_chain: reversed(collateral.tcb_info_issuer_chain),
        qe_identity_issuer_chain: reversed(collateral.qe_identity_issuer_chain),
      },
    });
    assert.deepEqual(failures(verdict), []);
    for (const wrong of [world.pckChain + world.rootPem, `${world.rootPem}${world.rootPem}${world.rootPem}`]) {
      const refused = verify({ ...world, collateral: { ...collateral, pck_certificate_chain: wrong } });
      assert.deepEqual(failures(refused)[0], ["pck-chain", "ERR_PCK_CHAIN"]);
    }
  });

  it("takes revocation lists in every form that tools write them in", () => {
    const { collateral, ...world } = createWorld();
    const { root_ca_crl: hex } = collateral;
    const der = Buffer.from(hex, "hex");
    const pem = toPem(der, "X509 CRL");
    const asHex = (text: string): string => Buffer.from(text).toString("hex");
    for (const root_ca_crl of [
      hex.toUpperCase(),
      `${hex}\n`,
      `${hex}\0`,
      pem,
      `${pem}\0`,
      asHex(pem),
      asHex(hex),
      asHex(`${hex}\0`),
    ]) {
      assert.deepEqual(failures(verify({ ...world, collateral: { ...collateral, root_ca_crl } })), []);
    }
    for (const root_ca_crl of [hex.slice(1), `${hex}00`, `0x${hex}`, asHex("words"), "zz", der.toString("base64")]) {
      const verdict = verify({ ...world, collateral: { ...collateral, root_ca_crl } });
      assert.deepEqual(failures(verdict)[0], ["root-crl", "ERR_CRL"]);
    }
  });

  it("wants every chain to end in the root of the PCK chain, though both roots be trusted", () => {
    const ours = createWorld();
    const other = createWorld({ rootKey: newKey() });
    const trustAnchors = [...ours.trustAnchors, ...other.trustAnchors];
    for (const [member, check] of [
      ["tcb_info_issuer_chain", "tcb-info"],
      ["qe_identity_issuer_chain", "qe-identity"],
      ["pck_crl_issuer_chain", "pck-crl"],
    ] as const) {
      const collateral = { ...ours.collateral, [member]: other.collateral[member] };
      assert.deepEqual(failures(verify({ ...ours, collateral, trustAnchors })), [[check, "ERR_COLLATERAL_CHAIN"]]);
    }
    assert.equal(verify({ ...ours, trustAnchors }).verdict, "verified");
    assert.equal(verify({ ...other, trustAnchors }).verdict, "verified");
  });

  it("trusts a root by its key, and never by its name", () => {
    const impostor = createWorld();
    const [anchor] = impostor.trustAnchors;
    assert.ok(anchor);
    const trustAnchors = [{ ...anchor, spki: Buffer.alloc(91), class: "genuine" } as const];
    assert.deepEqual(failures(verify({ ...impostor, trustAnchors })), [["trust-anchor", "ERR_TRUST_ANCHOR"]]);
  });

  for (const type of [1, 2, 3]) {
    it(`takes the PCK chain of a type ${type} quote from the collateral or an endorsement`, () => {
      const world = createWorld({ certificationType: type });
      const missing = verify(world);
      assert.deepEqual(failures(missing), [["pck-chain", "ERR_COLLATERAL_MISSING"]]);
      assert.equal(exitCodeOf(missing), 4);
      const collateral = { ...world.collateral, pck_certificate_chain: world.pckChain };
      assert.equal(verify({ ...world, collateral }).verdict, "verified");
      assert.equal(verify(world, { endorsements: [world.pckChain] }).verdict, "verified");
    });
  }

  it("completes the leaf of a type 4 quote with the CRL issuer chain", () => {
    const world = createWorld({ certificationType: 4 });
    assert.equal(verify(world).verdict, "verified");
    const collateral = { ...world.collateral, pck_certificate_chain: world.pckChain };
    assert.equal(verify({ ...world, collateral }).verdict, "verified");
  });

  for (const type of [0, 6, 7]) {
    it(`refuses certification data type ${type} as malformed`, () => {
      const verdict = verify(createWorld({ certificationType: type }));
      assert.deepEqual(failures(verdict)[0], ["quote-format", "ERR_EVIDENCE_FORMAT"]);
    });
  }

  it("finds a wrong signature before it misses collateral", () => {
    const { quote, trustAnchors } = createWorld();
    const bytes = Uint8Array.from(quote);
    bytes[48 + 64] = (bytes[48 + 64] ?? 0) ^ 1;
    const verdict = verifyEvidence({ bytes, trustAnchors, now: NOW, allow: [], evidenceOnly: true });
    assert.deepEqual(failures(verdict), [
      ["quote-signature", "ERR_QUOTE_SIGNATURE"],
      ["collateral", "ERR_COLLATERAL_MISSING"],
    ]);
    assert.equal(exitCodeOf(verdict), 3);
  });

  it("checks the dates anew of what it has kept", () => {
    const cache = new VerificationCache();
    const world = createWorld();
    assert.equal(verify(world, { cache }).verdict, "verified");
    assert.ok(cache.size > 0);
    assert.equal(exitCodeOf(verify(world, { cache, now: new Date("2025-07-02T00:00:00Z") })), 4);
    assert.equal(exitCodeOf(verify(world, { cache, now: new Date("2034-01-01T00:00:00Z") })), 3);
  });

  it("keeps nothing of collateral that did not verify", () => {
    const cache = new VerificationCache();
    const bad = createWorld({ documentKey: newKey() });
    assert.equal(verify(bad, { cache }).verdict, "refused");
    assert.equal(verify(bad, { cache }).verdict, "refused");
  });
});

describe("every altered member of a collateral bundle", () => {
  const world = createWorld();
  const cache = new VerificationCache();
  for (const name of Object.keys(world.collateral) as (keyof World["collateral"])[]) {
    it(`is refused: ${name}`, () => {
      const text = world.collateral[name] ?? "";
      for (const place of [0.3, 0.5, 0.7]) {
        const at = Math.floor(text.length * place);
        const changed = text[at] === "a" ? "b" : "a";
        const altered = `${text.slice(0, at)}${changed}${text.slice(at + 1)}`;
        const verdict = verify({ ...world, collateral: { ...world.collateral, [name]: altered } }, { cache });
        assert.equal(verdict.verdict, "refused", `character ${at}`);
        assert.equal(exitCodeOf(verdict), 3, `character ${at}`);
      }
    });

    it(`is refused: ${name} emptied`, () => {
      const verdict = verify({ ...world, collateral: { ...world.collateral, [name]: "" } }, { cache });
      assert.deepEqual(failures(verdict), [["collateral", "ERR_COLLATERAL_MISSING"]]);
    });
  }
});
