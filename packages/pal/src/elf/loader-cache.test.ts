import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { ELF_MACHINES } from "./elf-file.ts";
import { parseLoaderCache } from "./loader-cache.ts";

const CACHE = "/etc/ld.so.cache";
const listing = spawnSync("/sbin/ldconfig", ["-p"], { encoding: "utf8" });
const skip = existsSync(CACHE) && listing.status === 0 ? false : "requires ldconfig: no cache of a loader here";

describe("parseLoaderCache", () => {
  it("finds what ldconfig lists", { skip }, () => {
    const paths = parseLoaderCache(readFileSync(CACHE), ELF_MACHINES[process.arch as keyof typeof ELF_MACHINES]);
    const listed = new Map<string, string>();
    for (const [, name = "", kind = "", path = ""] of listing.stdout.matchAll(/^\t(\S+) \((.*)\) => (.*)$/gmu)) {
      if (/^libc6,(?:x86-64|AArch64)(?:, OS ABI.*)?$/u.test(kind) && !listed.has(name)) listed.set(name, path);
    }
    assert.ok(listed.size > 0);
    assert.deepEqual(paths, listed);
  });

  it("takes a damaged cache for an empty one", () => {
    assert.equal(parseLoaderCache(Buffer.from("glibc-ld.so.cache1.1"), "x86-64").size, 0);
    assert.equal(parseLoaderCache(Buffer.alloc(0), "x86-64").size, 0);
  });
});
