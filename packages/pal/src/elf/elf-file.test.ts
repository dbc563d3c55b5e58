import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { ELF_MACHINES, readElf } from "./elf-file.ts";

const skip = spawnSync("readelf", ["--version"]).status === 0 ? false : "requires readelf: no binutils here";
const { sharedObjects } = process.report.getReport() as unknown as { sharedObjects: string[] };
const LIBRARIES = sharedObjects.filter((path) => /^\/.*\.so/u.test(path));
const machine = ELF_MACHINES[process.arch as keyof typeof ELF_MACHINES];

function bracketed(text: string, tag: string): string[] {
  return [...text.matchAll(new RegExp(`\\(${tag}\\).*\\[(.*)\\]`, "gu"))].map((match) => match[1] ?? "");
}

describe("readElf", () => {
  it("sees libraries to try it on", () => assert.ok(LIBRARIES.length >= 3));

  it("reads names and paths as readelf does", { skip }, () => {
    for (const path of LIBRARIES) {
      const text = execFileSync("readelf", ["-dW", path], { encoding: "utf8" });
      const file = readElf(readFileSync(path), path);
      assert.deepEqual(file.needed, bracketed(text, "NEEDED"), path);
      assert.equal(file.soname, bracketed(text, "SONAME")[0], path);
      assert.deepEqual(
        file.runpath,
        bracketed(text, "RUNPATH").flatMap((directories) => directories.split(":")),
      );
      assert.equal(file.machine, machine);
    }
  });

  it("reads symbol versions as readelf does", { skip }, () => {
    for (const path of LIBRARIES) {
      const [, definitions = "", needs = ""] =
        /^(?:.*?Version definition section(.*?))?(?:Version needs section(.*))?$/su.exec(
          execFileSync("readelf", ["-VW", path], { encoding: "utf8" }).replace(
            /^.*?(?=Version (?:definition|needs))/su,
            "",
          ),
        ) ?? [];
      const file = readElf(readFileSync(path), path);
      const defined = [...definitions.matchAll(/Flags: (\S+).*Name: (\S+)/gu)].flatMap(([, flags, name]) =>
        flags === "BASE" ? [] : [name],
      );
      assert.deepEqual(file.versionsDefined, defined, path);
      const needed = [...needs.matchAll(/File: (\S+)|Name: (\S+) {2}Flags: none/gu)].map(([, of, name]) => of ?? name);
      assert.deepEqual(
        file.versionsNeeded.flatMap(({ file: of, versions }) => [of, ...versions]),
        needed,
        path,
      );
    }
  });

  it("refuses what is no library", () => {
    const library = readFileSync(LIBRARIES[0] ?? "");
    const altered = (offset: number, value: number): Buffer => {
      const copy = Buffer.from(library);
      copy[offset] = value;
      return copy;
    };
    const code = (bytes: Uint8Array): unknown => {
      try {
        readElf(bytes, "library");
        return "none";
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    assert.equal(code(new Uint8Array()), "ERR_PAL_NOT_LIBRARY");
    assert.equal(code(Buffer.from("#!/bin/sh\necho no library\n")), "ERR_PAL_NOT_LIBRARY");
    assert.equal(code(library.subarray(0, 200)), "ERR_PAL_NOT_LIBRARY");
    assert.equal(code(altered(16, 2)), "ERR_PAL_NOT_LIBRARY", "ET_EXEC");
    assert.equal(code(altered(4, 1)), "ERR_PAL_ARCHITECTURE", "32 bits");
    assert.equal(code(altered(5, 2)), "ERR_PAL_ARCHITECTURE", "big-endian");
    assert.equal(code(readFileSync("/proc/self/exe").subarray(0, 4096)), "ERR_PAL_NOT_LIBRARY", "a program");
    assert.equal(readElf(altered(18, 243), "library").machine, "machine 243");
  });

  it(
    "refuses position-independent programs",
    { skip: skip || isPie("/bin/true") ? skip : "requires a PIE /bin/true" },
    () => {
      assert.throws(() => readElf(readFileSync("/bin/true"), "/bin/true"), { code: "ERR_PAL_NOT_LIBRARY" });
    },
  );
});

function isPie(path: string): boolean {
  return spawnSync("readelf", ["-dW", path], { encoding: "utf8" }).stdout.includes("PIE");
}
