/** The recorded evidence of `test/vectors` at the root of the repository, with what must come of it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ErrorCode } from "@inclavare/errors";
import {
  builtinTrustAnchors,
  type CollateralBundle,
  parseCollateralBundle,
  type TcbStatus,
  type TrustAnchor,
  trustAnchorsFromPem,
} from "../src/index.ts";

export interface Vector {
  readonly id: string;
  readonly quote: string;
  readonly collateral: string;
  readonly tee: "sgx" | "tdx";
  /** Left out: the built-in roots. */
  readonly root?: string;
  readonly time: string;
  readonly expect:
    | { readonly status: TcbStatus; readonly advisories: readonly string[]; readonly debug: boolean }
    | { readonly code: ErrorCode; readonly check: string };
}

const JULY = "2025-07-04T00:00:00Z";
const JUNE = "2025-06-15T00:00:00Z";
const UP_TO_DATE = { status: "UpToDate", advisories: [], debug: false } as const;
const HARDENING = "ConfigurationAndSWHardeningNeeded";
const ADVISORIES = ["INTEL-SA-00289", "INTEL-SA-00615"] as const;

export const VECTORS: readonly Vector[] = [
  vector("sgx-01", "sgx-01", { time: JULY, expect: { status: HARDENING, advisories: ADVISORIES, debug: false } }),
  vector("sgx-02", "sgx-01", { time: JULY, expect: { status: HARDENING, advisories: ADVISORIES, debug: true } }),
  vector("sgx-03", "sgx-03", {
    time: "2025-02-20T00:00:00Z",
    expect: { status: "OutOfDate", advisories: [], debug: true },
  }),
  vector("sgx-04-tampered", "sgx-01", {
    time: JULY,
    expect: { code: "ERR_QUOTE_SIGNATURE", check: "quote-signature" },
  }),
  vector("sgx-05-intel-sample", "sgx-05-intel-sample", {
    root: "sgx-05-intel-sample.root.pem",
    time: "2025-01-01T00:00:00Z",
    expect: UP_TO_DATE,
  }),
  synthetic("syn-sgx-ok", UP_TO_DATE),
  synthetic("syn-auth-empty", UP_TO_DATE),
  synthetic("syn-qe-outofdate", { status: "OutOfDate", advisories: [], debug: false }),
  vector("tdx-01", "tdx-01", { tee: "tdx", time: JULY, expect: UP_TO_DATE }),
  vector("tdx-02", "tdx-02", { tee: "tdx", time: "2026-03-01T00:00:00Z", expect: UP_TO_DATE }),
  vector("tdx-03", "tdx-02", {
    tee: "tdx",
    time: "2026-03-01T00:00:00Z",
    expect: { code: "ERR_TCB_NOT_SUPPORTED", check: "tcb-level" },
  }),
  vector("tdx-04", "tdx-04", {
    tee: "tdx",
    time: "2025-10-25T00:00:00Z",
    expect: { status: "OutOfDate", advisories: ["INTEL-SA-00960", "INTEL-SA-00982", "INTEL-SA-00986"], debug: false },
  }),
  vector("tdx-05", "tdx-04", { tee: "tdx", time: "2025-10-25T00:00:00Z", expect: UP_TO_DATE }),
  vector("tdx-06", "tdx-06", { tee: "tdx", time: "2023-07-01T01:00:00Z", expect: { ...UP_TO_DATE, debug: true } }),
  synthetic("syn-tdx4-ok", UP_TO_DATE),
  synthetic("syn-tdx5-ok", UP_TO_DATE, "syn-platform.root.pem"),
  synthetic("syn-relaunch", { status: "TDRelaunchAdvised", advisories: [], debug: false }, "syn-platform.root.pem"),
  synthetic("syn-pck-revoked", { code: "ERR_CERTIFICATE_REVOKED", check: "pck-crl" }),
];

const FOLDER = join(import.meta.dirname, "..", "..", "..", "test", "vectors");

/** @param name of a file of quotes and collateral, or a path in the folder of vectors. */
export function readData(name: string): Uint8Array {
  return readFileSync(join(FOLDER, name.includes("/") ? name : join("dcap", name)));
}

export function readCollateral(name: string): CollateralBundle {
  return parseCollateralBundle(JSON.parse(Buffer.from(readData(name)).toString("utf8")), name);
}

export function anchorsOf({ root }: Vector): readonly TrustAnchor[] {
  return root === undefined ? builtinTrustAnchors() : trustAnchorsFromPem(Buffer.from(readData(root)).toString());
}

export function findVector(id: string): Vector {
  const found = VECTORS.find((vector) => vector.id === id);
  if (found === undefined) throw new Error(`no vector ${id}`);
  return found;
}

type VectorOptions = Omit<Vector, "id" | "quote" | "collateral" | "tee"> & { readonly tee?: Vector["tee"] };

function vector(id: string, collateral: string, options: VectorOptions): Vector {
  return { id, quote: `${id}.quote.bin`, collateral: `${collateral}.collateral.json`, tee: "sgx", ...options };
}

function synthetic(id: string, expect: Vector["expect"], root: string = "syn-processor.root.pem"): Vector {
  const tee = /tdx|relaunch/u.test(id) ? "tdx" : "sgx";
  return vector(id, id, { tee, root, time: JUNE, expect });
}
