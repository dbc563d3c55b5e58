/** What is kept, for how long, by whom it can be read, and what is never kept. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { InclavareError, isInclavareError } from "@inclavare/errors";
import {
  type Artefact,
  type ArtefactRequest,
  admitArtefact,
  CollateralCache,
  type CollateralCacheOptions,
  type CollateralEvent,
  type CollateralSource,
  CollateralStore,
  createArtefactSource,
  createBundleSource,
  createDirectorySource,
  formatArtefacts,
  parseArtefacts,
  resolveCollateral,
} from "../src/collateral/index.ts";
import { createWorld, newKey, NOW, type World } from "./world.ts";

const scratch = mkdtempSync(join(tmpdir(), "collateral-cache-"));
after(() => rmSync(scratch, { recursive: true, force: true }));
let directories = 0;

function newDirectory(): string {
  directories += 1;
  return join(scratch, String(directories));
}

const TCB_INFO = {
  kind: "tcb-info",
  tee: "sgx",
  fmspc: "00a0b0c0d0e0",
  channel: { update: "standard" },
} as const satisfies ArtefactRequest;
const ALL: readonly ArtefactRequest[] = [
  TCB_INFO,
  { kind: "qe-identity", tee: "sgx", channel: { update: "standard" } },
  { kind: "pck-crl", ca: "processor" },
  { kind: "root-crl" },
];
const DAY_MS = 86_400_000;
const END = new Date("2025-07-01T00:00:00Z");

interface Counted extends CollateralSource {
  readonly asked: () => number;
}

/** A service with this world's collateral, which counts how often it is asked. */
function remote(world: World, before: () => Promise<void> = async () => await Promise.resolve()): Counted {
  const bundle = createBundleSource(world.collateral, "service");
  let count = 0;
  return {
    name: "service",
    isRemote: true,
    asked: () => count,
    async fetch(request, context) {
      count += 1;
      await before();
      return await bundle.fetch(request, context);
    },
  };
}

class Clock {
  time = NOW;
  readonly now = (): Date => this.time;
}

function cacheOf(world: World, options: Partial<CollateralCacheOptions> = {}): CollateralCache {
  return new CollateralCache({ sources: [], trustAnchors: world.trustAnchors, now: () => NOW, ...options });
}

const rejectsWith = (code: string) => (error: unknown) => error instanceof InclavareError && error.code === code;

describe("how long an artefact is kept", () => {
  it("until nextUpdate, to the millisecond, in memory and on disk", async () => {
    const world = createWorld();
    const clock = new Clock();
    const source = remote(world);
    const store = new CollateralStore(newDirectory());
    const cache = cacheOf(world, { sources: [source], now: clock.now, store });
    await cache.get(TCB_INFO);
    clock.time = END;
    await cache.get(TCB_INFO);
    assert.equal(source.asked(), 1);
    const again = cacheOf(world, { sources: [source], now: clock.now, store });
    await again.get(TCB_INFO);
    assert.equal(source.asked(), 1);
    clock.time = new Date(END.getTime() + 1);
    const late = await cache.get(TCB_INFO);
    assert.equal(source.asked(), 2);
    assert.equal(late.notAfter.getTime(), END.getTime());
    assert.equal(readdirSync(join(scratch, String(directories), "artefacts")).length, 0, "nothing outdated is kept");
  });

  it("no longer than the certificates that vouch for it", async () => {
    const until = new Date(NOW.getTime() + DAY_MS);
    const world = createWorld({ signingUntil: until });
    const { notAfter } = await cacheOf(world, { sources: [remote(world)] }).get(TCB_INFO);
    assert.equal(notAfter.getTime(), until.getTime());
  });

  it("not before its date", async () => {
    const world = createWorld();
    const source = remote(world);
    const cache = cacheOf(world, { sources: [source], now: () => new Date("2025-05-01T00:00:00Z") });
    await cache.get(TCB_INFO);
    await cache.get(TCB_INFO);
    assert.equal(source.asked(), 2);
  });
});

describe("asking", () => {
  it("once for all who want the same at the same time", async () => {
    const world = createWorld();
    const source = remote(world, async () => await new Promise((resolve) => setTimeout(resolve, 20)));
    const cache = cacheOf(world, { sources: [source] });
    const found = await Promise.all(Array.from({ length: 50 }, async () => await cache.get(TCB_INFO)));
    assert.equal(source.asked(), 1);
    assert.ok(found.every((one) => one === found[0]));
  });

  it("a failure is remembered for moments, and for those who ask meanwhile", async () => {
    const world = createWorld();
    const clock = new Clock();
    let isDown = true;
    const source = remote(world, async () => {
      if (isDown) throw new InclavareError("ERR_COLLATERAL_FETCH", "down");
      await Promise.resolve();
    });
    const cache = cacheOf(world, { sources: [source], now: clock.now });
    await assert.rejects(cache.get(TCB_INFO), rejectsWith("ERR_COLLATERAL_FETCH"));
    isDown = false;
    await assert.rejects(cache.get(TCB_INFO), rejectsWith("ERR_COLLATERAL_FETCH"));
    assert.equal(source.asked(), 1);
    clock.time = new Date(NOW.getTime() + 6_000);
    assert.equal((await cache.get(TCB_INFO)).evaluationDataNumber, 17);
  });

  it("the next source where one fails, has nothing, or has only what is outdated", async () => {
    const world = createWorld();
    const old = createWorld({ tcbInfo: { issueDate: "2025-01-01T00:00:00Z", nextUpdate: "2025-02-01T00:00:00Z" } });
    const failing = remote(world, async () => await Promise.reject(new InclavareError("ERR_COLLATERAL_FETCH", "down")));
    const empty: CollateralSource = { name: "empty", isRemote: true, fetch: async () => await Promise.resolve([]) };
    const cache = cacheOf(world, { sources: [failing, empty, remote(old), remote(world)] });
    assert.equal((await cache.get(TCB_INFO)).notAfter.getTime(), END.getTime());
    const onlyOld = cacheOf(world, { sources: [remote(old)] });
    assert.equal((await onlyOld.get(TCB_INFO)).notAfter.toISOString(), "2025-02-01T00:00:00.000Z");
  });

  it("nobody: the error says what was wanted", async () => {
    const world = createWorld();
    await assert.rejects(cacheOf(world).get(TCB_INFO), (error) => {
      return isInclavareError(error, "ERR_COLLATERAL_MISSING") && error.message.includes("00a0b0c0d0e0");
    });
  });

  it("metrics: misses, fetches, hits by tier, failures", async () => {
    const world = createWorld();
    const events: CollateralEvent[] = [];
    const options = { sources: [remote(world)], store: new CollateralStore(newDirectory()) };
    const onEvent = (event: CollateralEvent): void => void events.push(event);
    const cache = cacheOf(world, { ...options, onEvent });
    await cache.get(TCB_INFO);
    await cache.get(TCB_INFO);
    await cacheOf(world, { ...options, onEvent }).get(TCB_INFO);
    await assert.rejects(cache.get({ ...TCB_INFO, fmspc: "000000000000" }));
    assert.deepEqual(
      events.map((event) => [event.event, "tier" in event ? event.tier : "code" in event ? event.code : ""].join(" ")),
      ["miss ", "fetch ", "hit memory", "hit disk", "miss ", "failure ERR_COLLATERAL_REJECTED"],
    );
  });
});

describe("older evaluations", () => {
  const numbered = (number: number): World => createWorld({ tcbInfo: { tcbEvaluationDataNumber: number } });

  it("are refused after a newer one, by another process too", async () => {
    const [newer, older] = [numbered(18), numbered(17)];
    const directory = newDirectory();
    const options = { store: new CollateralStore(directory) };
    await cacheOf(newer, { ...options, sources: [remote(newer)] }).get(TCB_INFO);
    rmSync(join(directory, "artefacts"), { recursive: true });
    const cache = cacheOf(older, { store: new CollateralStore(directory), sources: [remote(older)] });
    await assert.rejects(cache.get(TCB_INFO), (error) => {
      if (!isInclavareError(error, "ERR_COLLATERAL_ROLLBACK")) return false;
      return error.details["evaluationDataNumber"] === 17 && error.details["highest"] === 18;
    });
  });

  it("are taken where the caller names them by their number, and on another channel", async () => {
    const [newer, older] = [numbered(18), numbered(17)];
    const store = new CollateralStore(newDirectory());
    await cacheOf(newer, { store, sources: [remote(newer)] }).get(TCB_INFO);
    const cache = cacheOf(older, { store, sources: [remote(older)] });
    assert.equal((await cache.get({ ...TCB_INFO, channel: { evaluation: 17 } })).evaluationDataNumber, 17);
    assert.equal((await cache.get({ ...TCB_INFO, channel: { update: "early" } })).evaluationDataNumber, 17);
  });

  it("are passed over, or refused, in what the user brings along", async () => {
    const [newer, older] = [numbered(18), numbered(17)];
    const directory = newDirectory();
    await cacheOf(newer, { store: new CollateralStore(directory), sources: [remote(newer)] }).get(TCB_INFO);
    const local = [createBundleSource(older.collateral, "file")];
    const resolve = async () => {
      return await resolveCollateral(older.quote, {
        cache: cacheOf(older, { store: new CollateralStore(directory) }),
        local,
      });
    };
    assert.equal((await resolve()).collateral?.tcb_info, newer.collateral.tcb_info);
    rmSync(join(directory, "artefacts"), { recursive: true });
    const { collateral, sourceFailures } = await resolve();
    assert.equal(collateral, undefined);
    assert.deepEqual(
      sourceFailures.map(({ code }) => code),
      ["ERR_COLLATERAL_ROLLBACK"],
    );
  });

  it("what did not come from a service raises nothing", async () => {
    const [newer, older] = [numbered(18), numbered(17)];
    const store = new CollateralStore(newDirectory());
    const local = [createBundleSource(newer.collateral, "file")];
    const cache = cacheOf(older, { store, sources: [remote(older)] });
    assert.notEqual((await resolveCollateral(newer.quote, { cache, local })).collateral, undefined);
    assert.equal((await cache.get(TCB_INFO)).evaluationDataNumber, 17);
  });

  it("a damaged record is not taken for none", async () => {
    const world = numbered(18);
    const directory = newDirectory();
    await cacheOf(world, { store: new CollateralStore(directory), sources: [remote(world)] }).get(TCB_INFO);
    const [name = ""] = readdirSync(join(directory, "evaluation-numbers"));
    writeFileSync(join(directory, "evaluation-numbers", name), "x\n");
    rmSync(join(directory, "artefacts"), { recursive: true });
    const store = new CollateralStore(directory);
    const cache = cacheOf(world, { store, sources: [remote(world)] });
    await assert.rejects(cache.get(TCB_INFO), rejectsWith("ERR_COLLATERAL_STORE"));
    store.clear();
    assert.equal((await cacheOf(world, { store, sources: [remote(world)] }).get(TCB_INFO)).evaluationDataNumber, 18);
  });
});

describe("on disk", () => {
  it("for its owner alone, with nothing half-written", async () => {
    const world = createWorld();
    const directory = newDirectory();
    const cache = cacheOf(world, { store: new CollateralStore(directory), sources: [remote(world)] });
    for (const request of ALL) await cache.get(request);
    for (const path of [directory, join(directory, "artefacts"), join(directory, "evaluation-numbers")]) {
      assert.equal(statSync(path).mode & 0o777, 0o700);
    }
    const files = readdirSync(join(directory, "artefacts"));
    assert.equal(files.length, ALL.length);
    for (const file of files) assert.equal(statSync(join(directory, "artefacts", file)).mode & 0o777, 0o600);
    assert.ok(files.every((file) => file.endsWith(".json")));
    chmodSync(directory, 0o750);
    assert.throws(() => new CollateralStore(directory), rejectsWith("ERR_STATE_DIRECTORY"));
  });

  it("a damaged or altered file is a miss", async () => {
    const world = createWorld();
    const directory = newDirectory();
    const source = remote(world);
    const options = { store: new CollateralStore(directory), sources: [source] };
    await cacheOf(world, options).get(TCB_INFO);
    const [name = ""] = readdirSync(join(directory, "artefacts"));
    const path = join(directory, "artefacts", name);
    const good = readFileSync(path, "utf8");
    for (const wrong of ["", "{", good.slice(0, -40), good.replace("UpToDate", "OutOfDat")]) {
      writeFileSync(path, wrong);
      const before = source.asked();
      await cacheOf(world, options).get(TCB_INFO);
      assert.equal(source.asked(), before + 1);
      assert.equal(readFileSync(path, "utf8"), good);
    }
  });

  it("is left as it is by a verification as of another time", async () => {
    const world = createWorld();
    const directory = newDirectory();
    const source = remote(world);
    await cacheOf(world, { store: new CollateralStore(directory), sources: [source] }).get(TCB_INFO);
    const late = { now: () => new Date("2030-01-01T00:00:00Z"), readOnly: true, sources: [source] };
    await cacheOf(world, { store: new CollateralStore(directory), ...late }).get(TCB_INFO);
    assert.equal(source.asked(), 2);
    await cacheOf(world, { store: new CollateralStore(directory) }).get(TCB_INFO);
  });

  it("what one trust admitted is nothing to another", async () => {
    const world = createWorld();
    const store = new CollateralStore(newDirectory());
    await cacheOf(world, { store, sources: [remote(world)] }).get(TCB_INFO);
    const other = createWorld({ rootKey: newKey() });
    await assert.rejects(cacheOf(other, { store }).get(TCB_INFO), rejectsWith("ERR_COLLATERAL_MISSING"));
  });
});

describe("files", () => {
  it("what is exported and imported serves without a network", async () => {
    const world = createWorld();
    const online = cacheOf(world, { sources: [remote(world)] });
    const artefacts: Artefact[] = [];
    for (const request of ALL) artefacts.push(await online.get(request));
    const text = formatArtefacts(artefacts);
    const offline = cacheOf(world, { store: new CollateralStore(newDirectory()) });
    for (const artefact of parseArtefacts(JSON.parse(text), "export")) {
      offline.add(admitArtefact(artefact, world.trustAnchors));
    }
    const { collateral, sourceFailures } = await resolveCollateral(world.quote, { cache: offline });
    assert.deepEqual(sourceFailures, []);
    assert.equal(collateral?.tcb_info, world.collateral.tcb_info);
    const local = [createArtefactSource(parseArtefacts(JSON.parse(text), "export"), "export")];
    assert.notEqual((await resolveCollateral(world.quote, { cache: cacheOf(world), local })).collateral, undefined);
  });

  it("malformed files of artefacts", () => {
    const format = "inclavare-collateral/1";
    const artefact = { request: { kind: "root-crl" }, body: "x", origin: "y" };
    const wrong: unknown[] = [
      {},
      [],
      null,
      { format, artefacts: {} },
      { format: "inclavare-collateral/2", artefacts: [] },
      { format, artefacts: [], more: 1 },
      { format, artefacts: [{ ...artefact, request: { kind: "unknown" } }] },
      { format, artefacts: [{ ...artefact, request: { kind: "tcb-info", tee: "sgx", fmspc: "00" } }] },
      { format, artefacts: [{ ...artefact, notAfter: "2099-01-01" }] },
      { format, artefacts: Array.from({ length: 4097 }, () => artefact) },
    ];
    for (const json of wrong) assert.throws(() => parseArtefacts(json, "file"), rejectsWith("ERR_COLLATERAL_FORMAT"));
    assert.equal(parseArtefacts({ format, artefacts: [artefact] }, "file").length, 1);
  });

  it("a directory of bundles: the platform's own, the current one, the newest", async () => {
    const directory = mkdtempSync(join(scratch, "directory-"));
    const old = createWorld({ tcbInfo: { issueDate: "2025-01-01T00:00:00Z", nextUpdate: "2025-02-01T00:00:00Z" } });
    const worlds = {
      "another.json": createWorld({ tcbInfo: { fmspc: "00a0b0c0d0e1", tcbEvaluationDataNumber: 30 } }),
      "newer.json": createWorld({ tcbInfo: { tcbEvaluationDataNumber: 19 } }),
      "old.json": old,
      "plain.json": createWorld(),
    };
    for (const [name, { collateral }] of Object.entries(worlds)) {
      writeFileSync(join(directory, name), JSON.stringify(collateral));
    }
    const { quote, ...world } = createWorld();
    const local = [createDirectorySource(directory)];
    const { collateral } = await resolveCollateral(quote, { cache: cacheOf({ quote, ...world }), local });
    assert.equal(collateral?.tcb_info, worlds["newer.json"].collateral.tcb_info);
    writeFileSync(join(directory, "garbage"), "garbage");
    assert.throws(() => createDirectorySource(directory), rejectsWith("ERR_COLLATERAL_FORMAT"));
    assert.throws(() => createDirectorySource(join(directory, "absent")), rejectsWith("ERR_FILE"));
  });
});
