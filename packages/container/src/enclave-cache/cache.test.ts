import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openCached } from "./cache.ts";

const scratch = mkdtempSync(join(tmpdir(), "inclavare-enclave-cache-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

let count = 0;
function cacheOf(limitBytes = 1 << 20): { folder: string; limitBytes: number } {
  return { folder: join(scratch, `${count++}`, "enclaves"), limitBytes };
}

/** Makes an entry of 1000 bytes and a SIGSTRUCT of 10. */
async function make(directory: string): Promise<void> {
  writeFileSync(join(directory, "app.img"), Buffer.alloc(1000, 1));
  await sleep(20);
  writeFileSync(join(directory, "sigstruct.bin"), "0123456789");
}

function never(): Promise<void> {
  throw new Error("was made again");
}

function backdate(folder: string, key: string, seconds: number): void {
  utimesSync(join(folder, key, "sigstruct.bin"), seconds, seconds);
}

describe("openCached", () => {
  it("makes an entry once, for init-runelet to read and for nobody else to find", async () => {
    const cache = cacheOf();
    using first = await openCached(cache, "aa", make);
    using second = await openCached(cache, "aa", never);
    assert.deepEqual([first.isNew, second.isNew, second.directory], [true, false, join(cache.folder, "aa")]);
    assert.equal(statSync(cache.folder).mode & 0o777, 0o700);
    assert.equal(statSync(first.directory).mode & 0o777, 0o755);
    assert.deepEqual(readdirSync(cache.folder), ["aa"]);
  });

  it("lets one of many make it while the others wait", async () => {
    const cache = cacheOf();
    let made = 0;
    const entries = await Promise.all(
      Array.from({ length: 8 }, () =>
        openCached(cache, "aa", async (directory) => {
          made += 1;
          await make(directory);
        }),
      ),
    );
    assert.equal(made, 1);
    assert.equal(entries.filter(({ isNew }) => isNew).length, 1);
    for (const entry of entries) entry[Symbol.dispose]();
  });

  it("waits for another process, and takes over when that is killed", async () => {
    const cache = cacheOf();
    const script = `import { openCached } from ${JSON.stringify(join(import.meta.dirname, "cache.ts"))};
      import { writeFileSync } from "node:fs";
      await openCached(${JSON.stringify(cache)}, "aa", async (directory) => {
        writeFileSync(directory + "/app.img", "half");
        process.stdout.write("making");
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      });`;
    const other = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(other.stdout, "data");
    let isMade = false;
    const ours = openCached(cache, "aa", async (directory) => {
      assert.deepEqual(readdirSync(directory), [], "what was half made is still there");
      isMade = true;
      await make(directory);
    });
    await sleep(300);
    assert.equal(isMade, false, "two made it at a time");
    other.kill("SIGKILL");
    using entry = await ours;
    assert.equal(readFileSync(join(entry.directory, "app.img")).byteLength, 1000);
  });

  it("leaves nothing of an entry that could not be made, and lets the next one try", async () => {
    const cache = cacheOf();
    const failing = openCached(cache, "aa", async (directory) => {
      writeFileSync(join(directory, "app.img"), "half");
      await sleep(20);
      throw new Error("no room");
    });
    const next = openCached(cache, "aa", make);
    await assert.rejects(failing, /no room/u);
    using entry = await next;
    assert.equal(entry.isNew, true);
    assert.deepEqual(readdirSync(cache.folder), ["aa"]);
  });

  it("makes a discarded entry anew, and discards no newer one", async () => {
    const cache = cacheOf();
    using damaged = await openCached(cache, "aa", make);
    using alsoDamaged = await openCached(cache, "aa", never);
    damaged.discard();
    assert.deepEqual(readdirSync(cache.folder), []);
    using anew = await openCached(cache, "aa", make);
    assert.equal(anew.isNew, true);
    alsoDamaged.discard();
    assert.equal(existsSync(join(anew.directory, "app.img")), true);
  });

  it("keeps within its limit: the longest unused goes first, what is held and the newest stay", async () => {
    const cache = cacheOf(3 * 1010);
    for (const [at, key] of ["aa", "bb", "cc"].entries()) {
      (await openCached(cache, key, make))[Symbol.dispose]();
      backdate(cache.folder, key, 1000 + at);
    }
    using held = await openCached(cache, "bb", never);
    backdate(cache.folder, "bb", 1);
    (await openCached(cache, "dd", make))[Symbol.dispose]();
    assert.deepEqual(readdirSync(cache.folder), ["bb", "cc", "dd"], "aa was unused for longest");
    held[Symbol.dispose]();
    (await openCached({ ...cache, limitBytes: 1 }, "ee", make))[Symbol.dispose]();
    assert.deepEqual(readdirSync(cache.folder), ["ee"], "the newest stays although it is over the limit");
  });

  it("tidies up what was killed half way, and minds no stranger's file", async () => {
    const cache = cacheOf();
    mkdirSync(join(cache.folder, "half"), { recursive: true });
    chmodSync(cache.folder, 0o700);
    writeFileSync(join(cache.folder, "half", "app.img"), "x");
    mkdirSync(join(cache.folder, ".removed-x", "y"), { recursive: true });
    writeFileSync(join(cache.folder, "note"), "a stranger's");
    (await openCached(cache, "aa", make))[Symbol.dispose]();
    assert.deepEqual(readdirSync(cache.folder), ["aa", "note"]);
  });

  it("refuses a folder where somebody else could write, and a link to one, with ERR_FILE", async () => {
    const open = join(scratch, "open");
    mkdirSync(open);
    chmodSync(open, 0o750);
    const link = join(scratch, "link");
    symlinkSync(join(scratch), link);
    const file = join(scratch, "file");
    writeFileSync(file, "");
    for (const folder of [open, link, file])
      await assert.rejects(openCached({ folder, limitBytes: 1 }, "aa", never), { code: "ERR_FILE" }, folder);
  });
});
