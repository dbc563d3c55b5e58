import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  acceptEnclaveTls,
  type AttesterPlugin,
  connectEnclaveTls,
  createIdentity,
  Plugins,
  type VerifierPlugin,
} from "../src/index.ts";
import { ANYBODY, closedBoth, memoryPair, TIMEOUT_MS } from "./pairs.ts";
import { acceptOnly, type SimulatedPlatform, startPlatform } from "./simulated.ts";

let platform: SimulatedPlatform;
let simulated: AttesterPlugin<"simulated", { readonly code: string }>;
let dcap: VerifierPlugin<"dcap">;

before(async () => {
  platform = await startPlatform();
  simulated = { name: "simulated", open: ({ code }) => platform.launch(code) };
  const { appraise } = acceptOnly(platform.trustAnchors, platform.launch("workload").mrEnclave);
  dcap = { name: "dcap", formats: ["sgx-quote", "tdx-quote"], appraise };
});
after(() => platform[Symbol.dispose]());

describe("plugins", () => {
  it("give a connection its attester by name, and its verifier by the format of the proof", async () => {
    const plugins = Plugins.none().withAttester(simulated).withVerifier(dcap);
    const attester = await plugins.attester("simulated", { code: "workload" });
    const [workload, operator] = await Promise.all([
      createIdentity({ attester, now: new Date() }),
      createIdentity({ now: new Date() }),
    ]);
    const { server, client } = memoryPair();
    const peer = { evidence: "required", appraise: plugins.appraise } as const;
    const [accepted, connected] = await Promise.all([
      acceptEnclaveTls(server, { identity: workload, peer: ANYBODY, timeoutMs: TIMEOUT_MS }),
      connectEnclaveTls(client, { identity: operator, peer, timeoutMs: TIMEOUT_MS }),
    ]);
    assert.equal(connected.peer.verdict?.verdict, "accepted");
    connected.destroy();
    accepted.destroy();
    await closedBoth(accepted, connected);
  });

  it("know names and options by their types", async () => {
    const plugins = Plugins.none().withAttester(simulated);
    // @ts-expect-error: the options are those of this attester
    await plugins.attester("simulated", { code: 1 }).catch(() => undefined);
    // @ts-expect-error: nobody registered this name
    await assert.rejects(plugins.attester("tsm", {}), { code: "ERR_TLS_PLUGIN" });
  });

  it("are refused where a name or a format is taken: nothing replaces a verifier in silence", () => {
    const plugins = Plugins.none().withAttester(simulated).withVerifier(dcap);
    assert.throws(() => plugins.withAttester(simulated), { code: "ERR_TLS_PLUGIN" });
    const lenient = { ...dcap, name: "lenient", formats: ["snp-report", "sgx-quote"] } as const;
    assert.throws(() => plugins.withVerifier(lenient), { code: "ERR_TLS_PLUGIN" });
  });

  it("have no fallback: a format without a verifier is refused, on the connection with ERR_TLS_PLUGIN", async () => {
    const amd: VerifierPlugin<"amd"> = { ...dcap, name: "amd", formats: ["snp-report"] };
    const plugins = Plugins.none().withAttester(simulated).withVerifier(amd);
    const attester = await plugins.attester("simulated", { code: "workload" });
    const [workload, operator] = await Promise.all([
      createIdentity({ attester, now: new Date() }),
      createIdentity({ now: new Date() }),
    ]);
    const { server, client } = memoryPair();
    const peer = { evidence: "required", appraise: plugins.appraise } as const;
    const served = acceptEnclaveTls(server, { identity: workload, peer: ANYBODY, timeoutMs: TIMEOUT_MS });
    served.catch(() => {});
    await assert.rejects(connectEnclaveTls(client, { identity: operator, peer, timeoutMs: TIMEOUT_MS }), {
      code: "ERR_TLS_PLUGIN",
    });
    server.destroy();
  });
});
