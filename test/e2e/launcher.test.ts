/** bin/rune decides in C what is surely plain: what callers do every day, and nothing that needs a second look. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { COMMANDS, GLOBAL_FLAGS } from "../../apps/rune/src/flags.ts";
import { Launched, PLAIN_CONFIG, type Started } from "../support/launched.ts";

/** What dockerd's and containerd's shims, CRI-O, podman and people call. */
const EVERYDAY: readonly string[] = [
  "--root /r --log /l --log-format json create --bundle plain --pid-file /p c1",
  "--root /r --log /l --log-format json --systemd-cgroup create --bundle plain --pid-file /p --console-socket /s c1",
  "--root=/r --log=/l --log-format=json create -b plain --no-pivot --no-new-keyring --preserve-fds 2 c1",
  "--systemd-cgroup --root=/r create --bundle plain --pid-file /p c1",
  "--root /r --log /l --log-format json start c1",
  "--debug --root /r --log /l --log-format json state c1",
  "--root /r --log /l --log-format json exec --process /f --console-socket /s --detach --pid-file /p c1",
  "--root /r --log /l --log-format json kill --all c1 15",
  "--root /r --log /l --log-format json kill c1 9",
  "--root /r --log /l --log-format json delete --force c1",
  "--root /r --log /l --log-format json delete c1",
  "--root /r --log /l --log-format json ps --format json c1",
  "--root /r --log /l --log-format json pause c1",
  "--root /r --log /l --log-format json resume c1",
  "--root /r --log /l --log-format json update --resources - c1",
  "--root /r --log /l --log-format json events --stats c1",
  "--root /r --log /l --log-format json checkpoint --image-path /i --work-path /w c1",
  "exec -t -e A=b c1 sh -c ls",
  "exec c1 ls --help",
  "exec c1 sh -- x",
  "run -d --bundle=plain --keep c1",
  "run -b link/.. c1",
  "run --bundle escaped c1",
  "spec",
  "spec -b x --rootless",
];

/** Whatever needs a second look, and what rune answers itself. */
const DOUBTFUL: readonly string[] = [
  "create -b annotated c1",
  "create -b variable c1",
  "create -b hidden c1",
  "create -b dotted c1",
  "run -b shouted c1",
  "run -b deep/link/.. c1",
  "create -b zero c1",
  "create -b large c1",
  "create -b missing c1",
  "create -b folder c1",
  "create -b pipe c1",
  "create -b device c1",
  "create -b plain -b annotated c1",
  "create c1",
  "create --bundle= c1",
  "create c1 --bundle",
  "create --unknown -b plain c1",
  "create -b plain -- c1",
  "create -b plain --help",
  "create -b plain ours",
  "restore -b plain c1",
  "state ours",
  "start ours",
  "delete --force ours",
  "exec --unknown x ours",
  "exec -t ours sh",
  "checkpoint ours",
  "state ..",
  "list",
  "spec --enclave",
  "spec --enclave=true",
  "--unknown state c1",
  "--log-level debug state c1",
  "--debug=true state c1",
  "--root",
  "- state c1",
  "-- state c1",
  "--help",
  "-h",
  "--version",
  "-v",
  "help",
  "features",
  "attest c1",
  "inclavare-hook",
  "nonsense",
  "",
];

const SLOW_GLOBALS = new Set(["log-level", "help", "version"]);

describe("bin/rune", () => {
  let place: Launched;
  const call = (line: string): Started => place.call(line === "" ? [] : line.split(" "));

  before(() => {
    place = new Launched();
    place.bundle("annotated", PLAIN_CONFIG.replace("{", '{"annotations":{"enclave.type":"simulated"},'));
    place.bundle("variable", PLAIN_CONFIG.replace("PATH=/bin", "ENCLAVE_TYPE=simulated"));
    place.bundle("shouted", PLAIN_CONFIG.replace("sh", "EnClAvE.x"));
    place.bundle("hidden", PLAIN_CONFIG.replace("sh", String.raw`\u0065nclave.type`));
    place.bundle("dotted", PLAIN_CONFIG.replace("sh", String.raw`enclave\u002Etype`));
    place.bundle("escaped", PLAIN_CONFIG.replace("sh", String.raw`a \u0026\u0026 b \u003e c \u001b \"enclave\"`));
    place.bundle("zero", `${PLAIN_CONFIG}\0`);
    place.bundle("large", `${PLAIN_CONFIG}${" ".repeat(4 << 20)}`);
    mkdirSync(place.path("folder", "config.json"), { recursive: true });
    mkdirSync(place.path("pipe"));
    execFileSync("mkfifo", [place.path("pipe", "config.json")]);
    mkdirSync(place.path("device"));
    symlinkSync("/dev/zero", place.path("device", "config.json"));
    // As text, deep/link/.. is deep, which is plain; the low-level runtime follows the link first.
    place.bundle("deep", PLAIN_CONFIG);
    mkdirSync(place.path("annotated", "inner"));
    symlinkSync(place.path("annotated", "inner"), place.path("deep", "link"));
    mkdirSync(place.path("plain", "inner"));
    symlinkSync(place.path("plain", "inner"), place.path("link"));
  });
  beforeEach(() => place.configure(place.baseConfig));
  after(() => place[Symbol.dispose]());

  for (const line of EVERYDAY) {
    it(`hands over: ${line}`, () => {
      const { argv, program } = call(line);
      assert.deepEqual(argv, ["runc", ...line.split(" ")]);
      assert.equal(program, place.runtime);
      assert.equal(place.handedOverTo(line.split(" ")), program);
    });
  }

  for (const line of DOUBTFUL) {
    it(`leaves to rune: ${line}`, () => {
      const flags = ["--disable-warning=ExperimentalWarning", place.path("lib", "inclavare", "rune.mjs")];
      assert.deepEqual(call(line).argv, [place.node, ...flags, ...(line === "" ? [] : line.split(" "))]);
    });
  }

  it("and rune look for the bundle where the low-level runtime will: behind links, before any ..", () => {
    assert.equal(place.handedOverTo(["run", "-b", "link/..", "c1"]), place.runtime);
    assert.equal(place.handedOverTo(["run", "-b", "deep/link/..", "c1"]), undefined);
  });

  it("knows every flag that rune knows, before the command and for create and run", () => {
    for (const [name, kind] of Object.entries(GLOBAL_FLAGS.flags)) {
      const expected = SLOW_GLOBALS.has(name) ? "rune" : "runtime";
      assert.equal(call(`--${name}${kind === "switch" ? "" : " 1"} state c1`).who, expected, name);
    }
    for (const command of ["create", "run"]) {
      const shape = COMMANDS.get(command);
      for (const name of [...Object.keys(shape?.flags ?? {}), ...Object.keys(shape?.short ?? {})]) {
        const isSwitch = shape?.flags[shape.short[name] ?? name] === "switch";
        assert.equal(call(`${command} -${name}${isSwitch ? "" : " plain"} -b plain c1`).who, "runtime", name);
      }
    }
  });

  it("changes nothing of what the low-level runtime inherits", () => {
    const env = { NODE_OPTIONS: "--no-warnings", LISTEN_FDS: "1" };
    const script = 'trap "" USR1 PIPE; umask 027; exec 5<config.toml 7<plain "$@"';
    const inherit = { program: "/bin/sh", env };
    const direct = place.call(["state", "c1"], { ...inherit, args: ["-c", script, "sh", place.runtime] });
    const launched = place.call(["state", "c1"], { ...inherit, args: ["-c", script, "sh", place.rune] });
    const withoutName = (record: readonly string[]): string[] =>
      record.filter((line) => line !== `arg ${place.runtime}` && line !== "arg runc" && !line.includes(" socket:["));
    assert.deepEqual(withoutName(launched.record), withoutName(direct.record));
    assert.ok(launched.record.some((line) => line.startsWith("fd 7 ")));
    for (const line of ["env NODE_OPTIONS=--no-warnings", "Umask:\t0027"])
      assert.ok(launched.record.includes(line), line);
    // Callers of ours, such as make, may ignore further signals.
    assert.match(launched.record.join("\n"), /^SigIgn:\t[0-9a-f]{12}1200$/mu);
  });

  it("starts Node.js without the caller's NODE_OPTIONS", () => {
    const { record } = place.call(["features"], { env: { NODE_OPTIONS: "--require=/x" } });
    const variables = record.filter((line) => line.startsWith("env ")).toSorted();
    assert.deepEqual(
      variables,
      Object.entries(place.environment())
        .map(([name, value]) => `env ${name}=${value}`)
        .toSorted(),
    );
  });

  it("finds its installation through links, and where it has been moved to", () => {
    symlinkSync(place.rune, place.path("linked-rune"));
    symlinkSync("linked-rune", place.path("twice-linked-rune"));
    assert.equal(place.call(["features"], { program: place.path("twice-linked-rune") }).who, "rune");
    const prefix = join("opt", "a b");
    mkdirSync(place.path(prefix, "bin"), { recursive: true });
    mkdirSync(place.path(prefix, "lib", "inclavare"), { recursive: true });
    copyFileSync(place.rune, place.path(prefix, "bin", "rune"));
    copyFileSync(place.node, place.path(prefix, "lib", "inclavare", "node"));
    chmodSync(place.path(prefix, "bin"), 0o555);
    const moved = place.call(["features"], { program: place.path(prefix, "bin", "rune") });
    assert.equal(moved.program, place.path(prefix, "lib", "inclavare", "node"));
    assert.equal(moved.argv[2], place.path(prefix, "lib", "inclavare", "rune.mjs"));
  });

  it("says so when its installation has no Node.js", () => {
    renameSync(place.node, `${place.node}.away`);
    try {
      const { who, stderr } = place.call(["features"]);
      assert.equal(who, "refused");
      assert.match(stderr, /^rune: cannot start the Node\.js of its installation: No such file or directory\n$/u);
    } finally {
      renameSync(`${place.node}.away`, place.node);
    }
  });

  it("looks the low-level runtime up as rune does", () => {
    const second = place.path("second");
    mkdirSync(place.path("first", "named"), { recursive: true });
    mkdirSync(second);
    copyFileSync(place.runtime, join(second, "other"));
    place.configure(`[rune]\nruntime = "other"\nstate = "${place.path("state")}"\n`);
    for (const PATH of [`/nowhere:${second}`, `${second}/:/bin`, "second", `::${second}`]) {
      assert.equal(place.call(["state", "c1"], { env: { PATH } }).program, join(second, "other"), PATH);
      assert.equal(place.handedOverTo(["state", "c1"], { PATH }), join(second, "other"), PATH);
    }
    assert.equal(place.call(["state", "c1"], { env: { PATH: "/nowhere" } }).who, "rune");
    place.configure(place.baseConfig.replace(place.runtime, "second/other"));
    assert.equal(call("state c1").program, join(second, "other"));
  });

  it("lists what the low-level runtime has where rune never kept anything", () => {
    place.configure(place.baseConfig.replace("/state", "/no-state"));
    assert.equal(call("list --quiet").who, "runtime");
    mkdirSync(place.path("no-state"));
    assert.equal(call("list --quiet").who, "runtime");
  });

  it("leaves containers to rune where an enclave is required, and other commands not", () => {
    place.configure(`${place.baseConfig}require_enclave = true\n`);
    assert.equal(call("create -b plain c1").who, "rune");
    assert.equal(call("state c1").who, "runtime");
  });
});
