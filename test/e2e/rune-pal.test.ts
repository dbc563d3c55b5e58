/** Containers around a PAL library that the host brings: found with what it needs, bound in, driven through its life. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { cannotRun, type MutableSpec, Testbed } from "../support/testbed.ts";

const SOURCES = join(import.meta.dirname, "..", "support", "pal");
const HEADERS = join(import.meta.dirname, "..", "..", "packages", "pal", "include");
const MARKER = `e2epal${process.pid}x`;
let bed: Testbed;
let library = "";
let names = 0;

/** Builds the library and, in another folder, what it needs; the configuration names both. */
function build(): void {
  for (const folder of ["lib", "needed"]) mkdirSync(bed.path(folder));
  const needed = bed.path("needed", "libdependency.so.1");
  const shared = ["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-I", HEADERS];
  execFileSync("cc", [...shared, "-Wl,-soname,libdependency.so.1", "-o", needed, join(SOURCES, "dependency.c")]);
  execFileSync("cc", [...shared, "-o", bed.path("lib", "libpal-real.so"), join(SOURCES, "library.c"), needed]);
  library = bed.path("lib", "liberpal-test.so");
  symlinkSync("libpal-real.so", library);
  bed.configure(
    `pals = ["${library}", "${bed.path("lib", "gone.so")}"]`,
    `pal_library_paths = ["${bed.path("needed")}"]`,
  );
}

function bundle(args: readonly string[], edit: (spec: MutableSpec) => void = () => undefined): string {
  return bed.bundle(`bundle-${names++}`, { "work/data": Buffer.from("") }, (spec) => {
    spec.annotations = { "enclave.type": "simulated", "enclave.runtime.path": library };
    spec.process.args = [...args];
    spec.process.env = ["A=1 2", "NODE_OPTIONS=--require=/tmp/x.js"];
    spec.root.readonly = true;
    edit(spec);
  });
}

const id = (): string => `${MARKER}${names++}`;

function started(args: readonly string[]): { container: string; output: () => string } {
  const container = id();
  const { status, output } = bed.runeDetached(`${container}.out`, "create", "-b", bundle(args), container);
  assert.equal(status, 0, output());
  assert.equal(bed.rune("start", container).status, 0);
  return { container, output };
}

describe("PAL libraries", { skip: cannotRun() }, () => {
  before(async () => {
    bed = await Testbed.create("pal");
    build();
  });
  after(async () => assert.deepEqual(await bed.close(MARKER), []));

  it("run with what they need, and get arguments and environment as they are", () => {
    const folder = bundle(["/bin/app", "show", "a  b", ""], (spec) => (spec.process["cwd"] = "/work"));
    const { status, stdout, stderr } = bed.rune("run", "-b", folder, id());
    assert.equal(status, 0, stderr);
    assert.equal(
      stdout,
      "hello from a dependency /bin/app /work\n</bin/app><show><a  b><>[A=1 2][NODE_OPTIONS=--require=/tmp/x.js]\n",
    );
  });

  it("give the container its exit value", () => {
    assert.equal(bed.rune("run", "-b", bundle(["app", "exit", "7"]), id()).status, 7);
  });

  it("get execs and signals while the main process runs", async () => {
    const { container } = started(["app", "wait"]);
    assert.equal(bed.rune("exec", container, "app", "exit", "9").status, 9);
    assert.equal(bed.rune("kill", container, "WINCH").status, 1);
    assert.equal(bed.rune("kill", container, "TERM").status, 0);
    await bed.until(container, "stopped");
    assert.equal(bed.rune("delete", container).status, 0);
  });

  it("are refused evidence that nothing in the TEE chose", () => {
    const { container } = started(["app", "wait"]);
    assert.match(bed.rune("attest", "-o", bed.path("none"), container).stderr, /ERR_EVIDENCE_UNBOUND/u);
    assert.equal(bed.rune("delete", "--force", container).status, 0);
  });

  for (const [what, code, edit] of [
    [
      "that refuse",
      /ERR_PAL_CALL.*|.*EACCES/u,
      (spec: MutableSpec) => (spec.annotations["enclave.runtime.args"] = "refuse"),
    ],
    [
      "that are not listed",
      /ERR_RUNTIME_NOT_ALLOWED/u,
      (spec: MutableSpec) => (spec.annotations["enclave.runtime.path"] = "/x.so"),
    ],
    [
      "that are not there",
      /ERR_PAL_NOT_FOUND/u,
      (spec: MutableSpec) => (spec.annotations["enclave.runtime.path"] = bed.path("lib", "gone.so")),
    ],
    ["in a directory that is not there", /ERR_PROCESS_CWD/u, (spec: MutableSpec) => (spec.process["cwd"] = "/none")],
  ] as const) {
    it(`${what} fail at create with the reason, and nothing is left`, () => {
      const container = id();
      const { status, output } = bed.runeDetached(
        "refused.out",
        "create",
        "-b",
        bundle(["app", "show"], edit),
        container,
      );
      assert.equal(status, 1);
      assert.match(output(), code);
      assert.deepEqual(bed.traces(container), []);
    });
  }
});
