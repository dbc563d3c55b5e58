import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import { scratchDirectory } from "../../test/payload.ts";
import { sourceFromDirectory } from "./directory.ts";

it("sourceFromDirectory gives a time to what has contents, and to nothing else", async (t) => {
  const folder = scratchDirectory(t);
  mkdirSync(join(folder, "etc"));
  writeFileSync(join(folder, "etc", "hosts"), "");
  symlinkSync("hosts", join(folder, "etc", "link"));
  writeFileSync(join(folder, "app.wasm"), "x");
  utimesSync(join(folder, "app.wasm"), 1000, 1000);
  const { entries } = await sourceFromDirectory(folder);
  const times = [...entries].map(([path, { mtimeSeconds }]) => [path, mtimeSeconds]);
  assert.deepEqual(Object.fromEntries(times), {
    "/": 0,
    "/etc": 0,
    "/etc/hosts": 0,
    "/etc/link": 0,
    "/app.wasm": 1000,
  });
});
