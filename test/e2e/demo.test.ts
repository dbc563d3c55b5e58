import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";

const bin = join(import.meta.dirname, "..", "..", "dist", "bin");
const requirement =
  process.getuid?.() !== 0
    ? "requires root: containers are made by root"
    : existsSync(join(bin, "inclavare"))
      ? false
      : "requires build: run make setup";

const OWN = "inclavare-demo-";

/** What a run of the demonstration could leave behind: processes (by arguments, environment or mounts), mounts, files. */
function traces(): string[] {
  const processes = readdirSync("/proc").filter((name) => /^\d+$/u.test(name) && name !== String(process.pid));
  const running = processes.filter((pid) =>
    ["cmdline", "environ", "mountinfo"].some((file) => mentions(`/proc/${pid}/${file}`)),
  );
  const files = readdirSync(tmpdir()).filter((name) => name.startsWith(OWN));
  return [...running, ...files, ...(mentions("/proc/self/mounts") ? ["a mount"] : [])];
}

function mentions(path: string): boolean {
  try {
    return readFileSync(path, "utf8").includes(OWN);
  } catch {
    return false; // the process has ended meanwhile
  }
}

describe("inclavare demo", { skip: requirement }, () => {
  const directory = mkdtempSync(join(tmpdir(), "inclavare-e2e-demo-"));
  after(() => rmSync(directory, { recursive: true, force: true }));
  const before = traces();
  const shelter = (...args: string[]): number | null =>
    spawnSync(join(bin, "shelter"), args, { encoding: "utf8" }).status;

  it("shows nine steps and three refusals, and leaves nothing behind", () => {
    const { status, stdout, stderr } = spawnSync(join(bin, "inclavare"), ["demo", "--save", directory], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stdout + stderr);
    for (let step = 1; step <= 9; step++) assert.match(stdout, new RegExp(`^\\[${step}/9\\] `, "mu"));
    for (let attack = 1; attack <= 3; attack++) assert.match(stdout, new RegExp(`^\\[attack ${attack}/3\\] `, "mu"));
    assert.match(stdout, /systolic +8 +130\.25 +13\.04/u);
    assert.doesNotMatch(stdout + stderr, /A-1001/u, "a row of the confidential table was shown");
    assert.deepEqual(traces(), before);
  });

  it("saves evidence that verifies under its own root only", () => {
    const evidence = join(directory, "evidence.cbor");
    const root = ["--trust", join(directory, "root.pem")];
    assert.equal(shelter("verify", evidence, ...root, "--evidence-only"), 6);
    assert.equal(shelter("verify", evidence, "--evidence-only"), 3);
  });

  it("saves a quote and its collateral: any bit flipped in the signed range gives exit 3", () => {
    const quote = readFileSync(join(directory, "quote.dat"));
    const flags = [
      "--trust",
      join(directory, "root.pem"),
      "--collateral",
      join(directory, "collateral.json"),
      "--evidence-only",
    ];
    assert.equal(shelter("verify", join(directory, "quote.dat"), ...flags), 6);
    for (const offset of [0, 2, 12, 48, 112, 176, 400, 431]) {
      const altered = Buffer.from(quote);
      altered.writeUInt8(altered.readUInt8(offset) ^ 0x10, offset);
      writeFileSync(join(directory, "altered.dat"), altered);
      assert.equal(shelter("verify", join(directory, "altered.dat"), ...flags), 3, `bit flipped at ${offset}`);
    }
  });
});
