/** The launcher reads a part of TOML: what operators write, and never in another sense than rune. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Launched } from "../support/launched.ts";

describe("bin/rune reads the configuration", () => {
  let place: Launched;
  before(() => void (place = new Launched()));
  after(() => place[Symbol.dispose]());
  const starts = (text: string, ...argv: string[]): string => {
    place.configure(text);
    return place.call(argv.length === 0 ? ["state", "c1"] : argv).who;
  };

  const understood = {
    "all keys": [
      "# Ours – größer",
      "",
      "[attesterd]",
      'socket = "/s" # here',
      "platform='/p'",
      "evidence = 'tsm'",
      'tsm = "/t"',
      "[conversion]",
      'cache = "/c"',
      "cache_limit_mib = 200 # here",
      'signing_key = "/k"',
      "[metrics]",
      'folder = "/m"',
      "[rune]\t# the rest below",
      'pals = [ "/a.so", # one',
      '  "/b.so",',
      "]",
      'pal_library_paths = ["/l"]',
      "require_enclave = false",
      'payload = "/p # no comment"',
    ].join("\n"),
    "empty lists": "pals = []\npal_library_paths = [\n # none\n]",
    "a grouping of shims": '[shim]\ngrouping = "pod"\n[rune]\n',
    "no line end": "require_enclave=false",
  };
  for (const [what, more] of Object.entries(understood)) {
    it(`fast: ${what}`, () => {
      const own = place.baseConfig.replace("[rune]\n", "");
      const text = more.includes("[rune]") ? `${more}\n${own}` : `${place.baseConfig}${more}`;
      assert.equal(starts(text), "runtime");
      assert.equal(place.handedOverTo(["state", "c1"]), place.runtime);
    });
  }

  const left = {
    "no TOML": () => "[rune",
    "an unknown key": () => `${place.baseConfig}stat = "/x"\n`,
    "a grouping that is not supported": () => `${place.baseConfig}[shim]\ngrouping = "node"\n`,
    "a key twice": () => `${place.baseConfig}state = "/x"\n`,
    "a table twice": () => `${place.baseConfig}[rune]\n`,
    "a key of another table": () => `${place.baseConfig}socket = "/x"\n`,
    "a key before any table": () => `state = "/x"\n${place.baseConfig}`,
    "a relative path": () => `${place.baseConfig}payload = "x"\n`,
    "a relative path in a list": () => `${place.baseConfig}pals = ["x"]\n`,
    "a list that does not end": () => `${place.baseConfig}pals = ["/x",\n`,
    "an empty string": () => `${place.baseConfig}payload = ""\n`,
    "a string that does not end": () => `${place.baseConfig}payload = "/x\n`,
    "a string of several lines": () => `${place.baseConfig}payload = """/x"""\n`,
    "an escape sequence": () => String.raw`${place.baseConfig}payload = "/x\u0041"`,
    "a number with a zero in front": () => `${place.baseConfig}[conversion]\ncache_limit_mib = 01\n`,
    "a number that is too large": () => `${place.baseConfig}[conversion]\ncache_limit_mib = 1000000000\n`,
    "a number of another kind": () => `${place.baseConfig}[conversion]\ncache_limit_mib = 1.5\n`,
    "two values": () => `${place.baseConfig}payload = "/x" "/y"\n`,
    "a word that begins as true": () => `${place.baseConfig}require_enclave = truely\n`,
    "an enclave by default": () => `${place.baseConfig}[rune.default_enclave]\ntype = "simulated"\nruntime = "wasm"\n`,
    "a path that goes up": () => `[rune]\nruntime = "${place.runtime}"\nstate = "${place.directory}/plain/../state"\n`,
    "a long path": () => `[rune]\nruntime = "${place.runtime}"\nstate = "/${"x".repeat(5000)}"\n`,
    "a long file": () => `${place.baseConfig}# ${"x".repeat(70_000)}\n`,
    "a carriage return": () => place.baseConfig.replaceAll("\n", "\r\n"),
    "a NUL": () => `${place.baseConfig}\0`,
    "a runtime that is not there": () => '[rune]\nruntime = "/nowhere/runc"\n',
    "a runtime that is no program": () => `[rune]\nruntime = "${place.path("config.toml")}"\n`,
  };
  for (const [what, text] of Object.entries(left)) {
    it(`left to rune: ${what}`, () => assert.equal(starts(text()), "rune"));
  }

  it("left to rune: a file that is named and not there, or empty in name", () => {
    for (const INCLAVARE_CONFIG of ["/nowhere", "", place.directory, "/dev/null"])
      assert.equal(place.call(["state", "c1"], { env: { INCLAVARE_CONFIG } }).who, "rune", INCLAVARE_CONFIG);
  });
});
