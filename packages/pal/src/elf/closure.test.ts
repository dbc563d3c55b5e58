import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { InclavareError } from "@inclavare/errors";
import { type ClosureOptions, resolveClosure } from "./closure.ts";
import { ELF_MACHINES, readElf } from "./elf-file.ts";
import { readProvided } from "./provided.ts";

const skip = spawnSync("cc", ["--version"]).status === 0 ? false : "requires cc: no C compiler here";
const machine = ELF_MACHINES[process.arch as keyof typeof ELF_MACHINES];
const { sharedObjects } = process.report.getReport() as unknown as { sharedObjects: string[] };
const libc = sharedObjects.find((path) => basename(path) === "libc.so.6") ?? "";

let directory = "";
let provided: ClosureOptions["provided"];
const at = (...parts: string[]): string => join(directory, ...parts);

/** Compiles a library that needs others, which need not exist when it is loaded. */
function compile(path: string, needs: readonly string[] = [], ...flags: string[]): string {
  const soname = `-Wl,-soname,${basename(path)}`;
  mkdirSync(dirname(at(path)), { recursive: true });
  execFileSync(
    "cc",
    [
      "-shared",
      "-fPIC",
      "-nostdlib",
      "-Wl,--no-as-needed",
      soname,
      "-o",
      at(path),
      ...flags,
      "-x",
      "c",
      "-",
      "-x",
      "none",
      ...needs.map((need) => at(need)),
    ],
    { input: "int nothing(void);\nint nothing(void) { return 0; }\n" },
  );
  return at(path);
}

function resolve(path: string, options: Partial<ClosureOptions> = {}): readonly (readonly [string, string])[] {
  const { files } = resolveClosure(at(path), { searchPaths: [], provided, machine, ...options });
  return files.map(({ soname, path: found }) => [soname, found.replace(`${directory}/`, "")]);
}

function refusal(path: string, options: Partial<ClosureOptions> = {}): InclavareError {
  try {
    resolve(path, options);
  } catch (error) {
    return error as InclavareError;
  }
  throw new assert.AssertionError({ message: `${path} was not refused` });
}

describe("resolveClosure", { skip }, () => {
  before(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), "closure-")));
    mkdirSync(at("payload/lib"), { recursive: true });
    copyFileSync(libc, at("payload/lib/libc.so.6"));
    provided = readProvided(at("payload"));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  it("finds what the loader finds", () => {
    for (const name of ["libssl.so.3", "libcrypto.so.3", "libz.so.1", "libstdc++.so.6", "libresolv.so.2"]) {
      const path = join(dirname(libc), name);
      if (spawnSync("test", ["-e", path]).status !== 0) continue;
      const { files } = resolveClosure(path, { searchPaths: [], provided: new Map(), machine });
      const listed = [...execFileSync("ldd", [path], { encoding: "utf8" }).matchAll(/(\/\S+) \(0x/gu)];
      const theirs = listed.map((match) => realpathSync(match[1] ?? ""));
      assert.deepEqual(files.map((file) => file.path).toSorted(), theirs.toSorted(), name);
    }
  });

  it("goes by rpath, the operator's directories, runpath, in the loader's order", () => {
    for (const folder of ["own", "operator", "other"]) compile(`${folder}/libdependency.so`);
    compile("order/librpath.so", ["own/libdependency.so"], "-Wl,--disable-new-dtags", `-Wl,-rpath,${at("own")}`);
    compile("order/librunpath.so", ["own/libdependency.so"], "-Wl,--enable-new-dtags", `-Wl,-rpath,${at("other")}`);
    const searchPaths = [at("operator")];
    assert.deepEqual(resolve("order/librpath.so", { searchPaths }), [["libdependency.so", "own/libdependency.so"]]);
    assert.deepEqual(resolve("order/librunpath.so", { searchPaths }), [
      ["libdependency.so", "operator/libdependency.so"],
    ]);
    assert.deepEqual(resolve("order/librunpath.so"), [["libdependency.so", "other/libdependency.so"]]);
  });

  it("replaces $ORIGIN, hands an rpath on but no runpath", () => {
    compile("tree/lib/libleaf.so");
    compile("tree/lib/libbranch.so", ["tree/lib/libleaf.so"]);
    compile("tree/librpath.so", ["tree/lib/libbranch.so"], "-Wl,--disable-new-dtags", "-Wl,-rpath,$ORIGIN/lib");
    assert.deepEqual(resolve("tree/librpath.so"), [
      ["libbranch.so", "tree/lib/libbranch.so"],
      ["libleaf.so", "tree/lib/libleaf.so"],
    ]);
    compile("tree/librunpath.so", ["tree/lib/libbranch.so"], "-Wl,--enable-new-dtags", "-Wl,-rpath,${ORIGIN}/lib");
    const { code, details } = refusal("tree/librunpath.so");
    assert.equal(code, "ERR_PAL_DEPENDENCY");
    assert.equal(details["name"], "libleaf.so");
    assert.equal(details["neededBy"], at("tree/lib/libbranch.so"));
  });

  it("takes links for the files they lead to, and $ORIGIN for where the link is", () => {
    compile("links/real/libtarget.so.1");
    compile("links/real/libpal.so.1", ["links/real/libtarget.so.1"], "-Wl,-rpath,$ORIGIN");
    symlinkSync("real/libpal.so.1", at("links/libpal.so"));
    assert.equal(refusal("links/libpal.so").code, "ERR_PAL_DEPENDENCY");
    symlinkSync("real/libtarget.so.1", at("links/libtarget.so.1"));
    assert.deepEqual(resolve("links/libpal.so"), [["libtarget.so.1", "links/real/libtarget.so.1"]]);
    assert.equal(
      resolveClosure(at("links/libpal.so"), { searchPaths: [], provided, machine }).library,
      at("links/real/libpal.so.1"),
    );
  });

  it("comes to an end where libraries need each other", () => {
    compile("cycle/libone.so");
    compile("cycle/libtwo.so", ["cycle/libone.so"], "-Wl,-rpath,$ORIGIN");
    compile("cycle/libone.so", ["cycle/libtwo.so"], "-Wl,-rpath,$ORIGIN");
    assert.deepEqual(resolve("cycle/libone.so"), [["libtwo.so", "cycle/libtwo.so"]]);
  });

  it("passes over libraries of other machines, and says so where there is no other", () => {
    const other = Buffer.from(readFileSync(compile("machine/right/libdependency.so")));
    other.writeUInt16LE(243, 18);
    mkdirSync(at("machine/wrong"), { recursive: true });
    writeFileSync(at("machine/wrong/libdependency.so"), other);
    compile("machine/libpal.so", ["machine/right/libdependency.so"]);
    const searchPaths = [at("machine/wrong"), at("machine/right")];
    assert.deepEqual(resolve("machine/libpal.so", { searchPaths }), [
      ["libdependency.so", "machine/right/libdependency.so"],
    ]);
    assert.match(
      refusal("machine/libpal.so", { searchPaths: [at("machine/wrong")] }).message,
      /wrong \(machine 243\)/u,
    );
    assert.equal(refusal("machine/wrong/libdependency.so").code, "ERR_PAL_ARCHITECTURE");
  });

  it("leaves out what the payload provides, and takes nothing that is too new for it", () => {
    execFileSync("cc", ["-shared", "-fPIC", "-o", at("libversions.so"), "-x", "c", "-"], {
      input: '#include <stdio.h>\nint say(void);\nint say(void) { return puts(""); }\n',
    });
    assert.deepEqual(resolve("libversions.so"), []);
    const [need] = readElf(readFileSync(at("libversions.so")), "libversions.so").versionsNeeded;
    assert.equal(need?.file, "libc.so.6");
    const old = new Map([["libc.so.6", { versions: new Set(["GLIBC_2.1", "GLIBC_2.1.3", "GLIBC_PRIVATE"]) }]]);
    const { code, message } = refusal("libversions.so", { provided: old });
    assert.equal(code, "ERR_PAL_LIBC_VERSION");
    assert.match(
      message,
      /^GLIBC_2\S+ needed by \S+libversions\.so, the payload's libc\.so\.6 goes up to GLIBC_2\.1\.3$/u,
    );
  });

  it("takes a part of the C library only with the same rest of it", () => {
    const part = join(dirname(libc), "libresolv.so.2");
    assert.ok(
      readElf(readFileSync(part), part).versionsNeeded.some(({ versions }) => versions.includes("GLIBC_PRIVATE")),
    );
    const loader = readElf(readFileSync(libc), libc).needed.map((name): [string, { versions: Set<string> }] => [
      name,
      { versions: new Set() },
    ]);
    const options = { searchPaths: [], machine };
    const same = new Map([...provided, ...loader]);
    assert.deepEqual(resolveClosure(part, { ...options, provided: same }).files, []);
    const another = new Map(same);
    another.set("libc.so.6", { versions: provided.get("libc.so.6")?.versions ?? new Set(), path: part });
    assert.throws(() => resolveClosure(part, { ...options, provided: another }), { code: "ERR_PAL_LIBC_VERSION" });
  });

  it("misses versions of other libraries too", () => {
    const script = at("versions.map");
    writeFileSync(script, "NEW_2.0 { nothing; };\n");
    compile("versions/libdependency.so", [], `-Wl,--version-script=${script}`);
    execFileSync(
      "cc",
      [
        "-shared",
        "-fPIC",
        "-nostdlib",
        "-Wl,-rpath,$ORIGIN",
        "-o",
        at("versions/libpal.so"),
        "-x",
        "c",
        "-",
        "-x",
        "none",
        at("versions/libdependency.so"),
      ],
      { input: "int nothing(void);\nint more(void);\nint more(void) { return nothing(); }\n" },
    );
    assert.equal(resolve("versions/libpal.so").length, 1);
    writeFileSync(script, "OLD_1.0 { nothing; };\n");
    compile("versions/libdependency.so", [], `-Wl,--version-script=${script}`);
    const { code, details } = refusal("versions/libpal.so");
    assert.equal(code, "ERR_PAL_DEPENDENCY");
    assert.equal(details["version"], "NEW_2.0");
  });

  it("refuses paths that lead to no library", () => {
    assert.equal(refusal("missing.so").code, "ERR_PAL_NOT_FOUND");
    writeFileSync(at("text.so"), "no library");
    assert.equal(refusal("text.so").code, "ERR_PAL_NOT_LIBRARY");
    assert.equal(refusal("payload").code, "ERR_PAL_NOT_LIBRARY");
    execFileSync("mkfifo", [at("pipe.so")]);
    assert.equal(refusal("pipe.so").code, "ERR_PAL_NOT_LIBRARY");
    assert.throws(() => resolveClosure("relative.so", { searchPaths: [], provided, machine }), {
      code: "ERR_PAL_NOT_FOUND",
    });
  });
});
