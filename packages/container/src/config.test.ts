import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig, parseConfig } from "./config.ts";

const defaults = { payload: "/opt/payload" };

describe("parseConfig", () => {
  it("gives defaults for an empty text", () => {
    const { rune, attesterd, conversion } = parseConfig("", "c", defaults);
    assert.deepEqual(rune, {
      runtime: "runc",
      state: "/run/rune",
      payload: "/opt/payload",
      pals: [],
      palLibraryPaths: [],
      requireEnclave: false,
    });
    assert.equal(attesterd.socket, "/run/inclavare/attesterd.sock");
    assert.deepEqual(conversion, { cache: "/var/cache/inclavare/enclaves", cacheLimitBytes: 2 ** 30 });
  });

  it("reads every key", () => {
    const text = `
      [rune]
      runtime = "/opt/crun"
      state = "/s"
      payload = "/p"
      pals = ["/opt/liberpal-x.so"]
      pal_library_paths = ["/opt/lib"]
      require_enclave = true
      [shim]
      grouping = "pod"
      [attesterd]
      socket = "/a.sock"
      platform = "/sim"
      evidence = "tsm"
      tsm = "/t"
      [conversion]
      cache = "/c"
      cache_limit_mib = 2
      signing_key = "/k.pem"
      [metrics]
      folder = "/m"`;
    assert.deepEqual(parseConfig(text, "c", defaults), {
      rune: {
        runtime: "/opt/crun",
        state: "/s",
        payload: "/p",
        pals: ["/opt/liberpal-x.so"],
        palLibraryPaths: ["/opt/lib"],
        requireEnclave: true,
      },
      attesterd: { socket: "/a.sock", platform: "/sim", evidence: "tsm", tsm: "/t" },
      conversion: { cache: "/c", cacheLimitBytes: 2 << 20, signingKey: "/k.pem" },
      metrics: { folder: "/m" },
    });
  });

  it("reads what a container gets that asks for nothing", () => {
    const text = "[rune.default_enclave]\ntype = 'simulated'\nruntime = 'wasm'";
    assert.deepEqual(parseConfig(text, "c", defaults).rune.defaultEnclave, {
      type: "simulated",
      runtime: "wasm",
      runtimeArgs: "",
      logLevel: "info",
    });
  });

  for (const text of [
    "[rune.default_enclave]\ntype = 'simulated'",
    "[rune.default_enclave]\ntype = 'other'\nruntime = 'wasm'",
    "[rune.default_enclave]\ntype = 'simulated'\nruntime = 'wasm'\nmore = 1",
    "x",
    "[other]",
    "[rune]\nstat = '/s'",
    "[rune]\nstate = 's'",
    "[rune]\nstate = 1",
    "rune = 1",
    "[rune]\npals = ['x']",
    "[rune]\nrequire_enclave = 'yes'",
    "[shim]\ngrouping = 'node'",
    "[shim]\ngrouping = true",
    "[shim]\ngroups = 'pod'",
    "[metrics]\nfolder = 'x'",
    "[conversion]\ncache = 'x'",
    "[conversion]\ncache_limit_mib = 0",
    "[conversion]\ncache_limit_mib = 1.5",
    "[conversion]\ncache_limit_mib = 1000000000",
    "[conversion]\nsigning_key = ''",
  ]) {
    it(`refuses ${JSON.stringify(text)} with ERR_CONFIG`, () =>
      assert.throws(() => parseConfig(text, "c", defaults), { code: "ERR_CONFIG" }));
  }
});

describe("loadConfig", () => {
  it("refuses a named file that is missing", () =>
    assert.throws(() => loadConfig("/nowhere/config.toml", defaults), { code: "ERR_FILE_NOT_FOUND" }));
});
