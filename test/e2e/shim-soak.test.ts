import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { random } from "../support/random.ts";
import { ShimBed } from "../support/shim-bed.ts";
import { Soak } from "../support/soak.ts";
import { cannotRun } from "../support/testbed.ts";

/** The full form: `SOAK_CONTAINERS=1000`, with 20 shims killed and containerd restarted every 50 containers. */
const CONTAINERS = Number(process.env["SOAK_CONTAINERS"] ?? 40);
const IS_FULL = CONTAINERS >= 1000;
const SEED = Number(process.env["SOAK_SEED"] ?? Date.now() % 1_000_000);
const TIMEOUT_MS = 60 * 60_000;

let shim: ShimBed;

describe("a soak of containerd-shim-rune-v2", { skip: cannotRun("containerd", "ctr", "busybox") }, () => {
  before(async () => {
    shim = await ShimBed.start("soak");
  });
  after(async () => assert.deepEqual(await shim.close(), []));

  it(`${CONTAINERS} random lives (seed ${SEED}): every end as expected`, { timeout: TIMEOUT_MS }, async (t) => {
    const soak = new Soak(shim, {
      containers: CONTAINERS,
      inFlight: 4,
      restartEvery: IS_FULL ? 50 : 20,
      kills: IS_FULL ? 20 : 3,
      random: random(SEED),
    });
    const { failures, ...figures } = await soak.run();
    t.diagnostic(JSON.stringify(figures));
    assert.deepEqual(failures, []);
    assert.equal(figures.lived, CONTAINERS);
    assert.equal(figures.shimsKilled, IS_FULL ? 20 : 3);
    assert.ok(figures.refused < CONTAINERS / 5, "most must have lived");
  });
});
