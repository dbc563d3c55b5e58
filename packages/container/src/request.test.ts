import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import type { RuntimeSpec } from "@inclavare/oci";
import fc from "fast-check";
import { parseConfig } from "./config.ts";
import { assertPossible } from "./machine.ts";
import { isSandbox, LOG_LEVELS, mayAskForEnclave, readEnclaveRequest, TEE_TYPES, withoutRequest } from "./request.ts";

const spec = (annotations: Record<string, string>, env: string[] = []): RuntimeSpec => ({
  ociVersion: "1.0.2",
  annotations,
  process: { cwd: "/", env },
});
const wasm = { "enclave.type": "simulated", "enclave.runtime.path": "wasm" };
const sgx = { "enclave.type": "intelSgx", "enclave.runtime.path": "/pal.so" };

const bare = (): boolean => false;
const rich = (): boolean => true;

describe("readEnclaveRequest", () => {
  it("finds nothing in a plain container", () => assert.equal(readEnclaveRequest(spec({}, ["PATH=/bin"])), undefined));

  it("reads annotations", () =>
    assert.deepEqual(readEnclaveRequest(spec({ ...wasm, "enclave.runtime.args": "a b" })), {
      type: "simulated",
      runtime: "wasm",
      runtimeArgs: "a b",
      logLevel: "info",
    }));

  it("reads variables, values of one character included", () => {
    const env = [
      "ENCLAVE_TYPE=simulated",
      "ENCLAVE_RUNTIME_PATH=wasm",
      "ENCLAVE_RUNTIME_ARGS=.",
      "ENCLAVE_RUNTIME_LOGLEVEL=off",
    ];
    assert.deepEqual(readEnclaveRequest(spec({}, env)), {
      type: "simulated",
      runtime: "wasm",
      runtimeArgs: ".",
      logLevel: "off",
    });
  });

  it("reads a limit of enclave memory", () =>
    assert.equal(readEnclaveRequest(spec({ ...sgx, "enclave.epc.limit": "4096" }))?.epcLimitBytes, 4096));

  it("takes an annotation and a variable that agree", () =>
    assert.equal(readEnclaveRequest(spec(wasm, ["ENCLAVE_TYPE=simulated"]))?.type, "simulated"));

  for (const [what, code, annotations, env] of [
    ["a contradiction of annotation and variable", "ERR_REQUEST_CONTRADICTION", wasm, ["ENCLAVE_TYPE=intelTdx"]],
    ["two variables that differ", "ERR_REQUEST_CONTRADICTION", {}, ["ENCLAVE_TYPE=intelTdx", "ENCLAVE_TYPE=simulated"]],
    ["a runtime without a type", "ERR_REQUEST_INCOMPLETE", { "enclave.runtime.path": "wasm" }, []],
    ["a type without a runtime", "ERR_REQUEST_INCOMPLETE", { "enclave.type": "simulated" }, []],
    ["an unknown type", "ERR_REQUEST_VALUE", { ...wasm, "enclave.type": "IntelSGX" }, []],
    ["an empty type", "ERR_REQUEST_VALUE", { "enclave.runtime.path": "wasm" }, ["ENCLAVE_TYPE="]],
    ["a name without a value", "ERR_REQUEST_VALUE", { "enclave.runtime.path": "wasm" }, ["ENCLAVE_TYPE"]],
    ["a relative library", "ERR_REQUEST_VALUE", { ...wasm, "enclave.runtime.path": "liberpal.so" }, []],
    ["an unknown log level", "ERR_REQUEST_VALUE", { ...wasm, "enclave.runtime.loglevel": "loud" }, []],
    ["an unknown annotation", "ERR_REQUEST_VALUE", { ...wasm, "enclave.runtime.arg": "x" }, []],
    ["a limit of EPC where there is none", "ERR_REQUEST_CONTRADICTION", { ...wasm, "enclave.epc.limit": "4096" }, []],
    ["a limit of EPC that is no number of bytes", "ERR_REQUEST_VALUE", { ...sgx, "enclave.epc.limit": "1m" }, []],
    ["a limit of no EPC at all", "ERR_REQUEST_VALUE", { ...sgx, "enclave.epc.limit": "0" }, []],
    ["a manifest from the outside", "ERR_REQUEST_UNSUPPORTED", { ...wasm, "enclave.manifest": "{}" }, []],
    ["EPID attestation", "ERR_REQUEST_UNSUPPORTED", wasm, ["ENCLAVE_RA_TYPE=epidLinkable"]],
  ] as const) {
    it(`refuses ${what} with ${code}`, () =>
      assert.throws(() => readEnclaveRequest(spec(annotations, [...env])), { code }));
  }

  it("gives a request, nothing, or a coded error for any values", () => {
    const value = fc.oneof(fc.constantFrom(...TEE_TYPES, ...LOG_LEVELS, "wasm", "/x.so", ""), fc.string());
    const keys = ["enclave.type", "enclave.runtime.path", "enclave.runtime.loglevel", "enclave.other"];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), value), fc.array(value), (annotations, values) => {
        try {
          readEnclaveRequest(
            spec(
              annotations,
              values.map((v, i) => `ENCLAVE_${["TYPE", "RUNTIME_PATH", "RUNTIME_ARGS"][i % 3]}=${v}`),
            ),
          );
        } catch (error) {
          assert.ok(isInclavareError(error) && error.code.startsWith("ERR_REQUEST_"));
        }
      }),
    );
  });
});

describe("mayAskForEnclave", () => {
  for (const text of ['{"annotations":{"enclave.type":"x"}}', '["ENCLAVE_TYPE=x"]', '{"\\u0065nclave.type":1}']) {
    it(`sees ${text}`, () => assert.equal(mayAskForEnclave(text), true));
  }
  it("lets a plain one go", () => assert.equal(mayAskForEnclave('{"process":{"env":["PATH=/bin"]}}'), false));
});

describe("withoutRequest", () => {
  it("removes what is for the runtime and keeps what is like it", () =>
    assert.deepEqual(withoutRequest(["A=1", "ENCLAVE_TYPE=simulated", "ENCLAVE_TYPES=x", "ENCLAVE_RUNTIME_ARGS"]), [
      "A=1",
      "ENCLAVE_TYPES=x",
    ]));
});

describe("isSandbox", () => {
  it("knows containerd's mark", () => {
    assert.equal(isSandbox(spec({ "io.kubernetes.cri.container-type": "sandbox" })), true);
    assert.equal(isSandbox(spec({ "io.kubernetes.cri.container-type": "container" })), false);
  });
});

describe("assertPossible", () => {
  const config = parseConfig('[rune]\npals = ["/opt/liberpal-a.so"]', "c", { payload: "/p" });
  const request = { type: "simulated", runtime: "wasm", runtimeArgs: "", logLevel: "info" } as const;

  it("lets wasm run on the simulated TEE of any machine", () => assertPossible(request, config, bare));

  it("lets a listed library run on the simulated TEE, and on SGX where the machine has it", () => {
    const library = { ...request, runtime: "/opt/liberpal-a.so" };
    assertPossible(library, config, bare);
    assertPossible({ ...library, type: "intelSgx" }, config, rich);
  });

  for (const [what, code, change, machine] of [
    ["built-in runtime on SGX, device or not", "ERR_RUNTIME_UNSUITABLE", { type: "intelSgx" }, rich],
    [
      "SGX on a machine without",
      "ERR_TEE_UNAVAILABLE",
      { type: "intelSgx", runtime: "/opt/liberpal-a.so" } as const,
      bare,
    ],
    ["TDX on a machine without", "ERR_TEE_UNAVAILABLE", { type: "intelTdx" }, bare],
    ["SEV-SNP on a machine without", "ERR_TEE_UNAVAILABLE", { type: "amdSevSnp" }, bare],
    ["a library that is not listed", "ERR_RUNTIME_NOT_ALLOWED", { runtime: "/tmp/evil.so" }, rich],
    ["the linux runtime", "ERR_REQUEST_UNSUPPORTED", { runtime: "linux" }, rich],
  ] as const) {
    it(`refuses ${what} with ${code}`, () =>
      assert.throws(() => assertPossible({ ...request, ...change }, config, machine), { code }));
  }
});
