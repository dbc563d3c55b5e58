import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { type EnclaveRuntime, loadRuntime, type PalApiVersion } from "../src/index.ts";
import { NOTHING, skip, VERSIONS, Workshop } from "./support.ts";

let workshop: Workshop;
before(() => {
  workshop = new Workshop();
});
after(() => workshop[Symbol.dispose]());

type Options = Parameters<typeof loadRuntime>[2];

async function initialised(version: PalApiVersion, args = "", options: Options = {}): Promise<EnclaveRuntime> {
  const runtime = loadRuntime(workshop.skeleton(version), new Map(), options);
  await runtime.init({ args, logLevel: "off" });
  return runtime;
}

async function failure(running: Promise<unknown>): Promise<{ code: string; message: string; details: object }> {
  return await running.then(
    () => assert.fail("expected a failure"),
    (error: { code: string; message: string; details: object }) => error,
  );
}

for (const version of VERSIONS) {
  describe(`a library of version ${version}`, { skip }, () => {
    let runtime: EnclaveRuntime;
    before(async () => {
      runtime = await initialised(version);
    });
    after(async () => await runtime.destroy());

    it("gets arguments as they are, empty, with spaces, and long", async () => {
      const args = ["a b", "", "ä", "x".repeat(64 << 10), ...Array.from({ length: 1000 }, (_, index) => `${index}`)];
      const { output } = await workshop.run(runtime, ["arguments", ...args]);
      assert.equal(output, args.map((argument) => `<${argument}>\n`).join(""));
    });

    it("gets the environment, where its version has one", async () => {
      const { output } = await workshop.run(runtime, ["env"], ["A=1 2", "B="]);
      assert.equal(output, version === 1 ? "" : "A=1 2\nB=\n");
    });

    it("gives exit codes, and signals as 128 + their number", async () => {
      for (const [argv, expected] of [
        [["exit", "0"], 0],
        [["exit", "255"], 255],
        [["signal", "9"], 137],
      ] as const) {
        assert.equal((await workshop.run(runtime, argv)).status, expected);
      }
    });

    it("runs on threads that know their stack, with room on it", async () => {
      assert.equal((await workshop.run(runtime, ["deep", "7"])).status, 0);
    });

    it("runs 50 processes at once, each with its own exit code", async () => {
      const codes = Array.from({ length: 50 }, (_, index) => index + 100);
      const ended = await Promise.all(codes.map(async (code) => await workshop.run(runtime, ["exit", String(code)])));
      assert.deepEqual(
        ended.map(({ status }) => status),
        codes,
      );
    });

    it("tells the reason when there is no such program", async () => {
      const { code, message, details } = await failure(workshop.run(runtime, ["/bin/nothing"]));
      const call = version === 1 ? "pal_exec" : "pal_create_process";
      assert.equal(code, "ERR_PAL_CALL");
      assert.match(message, /failed with -2, ENOENT: no such file or directory$/u);
      assert.deepEqual(details, { call, value: -2, errno: 0 });
    });

    it("refuses texts that C would cut short", async () => {
      assert.equal((await failure(workshop.run(runtime, ["exit", "0\0"]))).code, "ERR_PAL_ARGUMENT");
      if (version === 1) return;
      assert.equal((await failure(workshop.run(runtime, ["exit"], ["A=\0"]))).code, "ERR_PAL_ARGUMENT");
    });

    it("runs each process once, and none that nobody made", async () => {
      const pid = await runtime.createProcess({ path: "exit", argv: ["exit", "3"], env: [], stdio: workshop.stdio });
      const first = runtime.exec(pid);
      assert.match((await failure(runtime.exec(pid))).message, /runs already/u);
      assert.equal(await first, 3);
      for (const number of [pid, 0, -1, 4711]) {
        assert.match((await failure(runtime.exec(number))).message, /there is no process/u);
      }
    });
  });
}

describe("pal_kill", { skip }, () => {
  let runtime: EnclaveRuntime;
  before(async () => {
    runtime = await initialised(2);
  });
  after(async () => await runtime.destroy());
  const create = async (path: string): Promise<number> =>
    await runtime.createProcess({ path, argv: [path], env: [], stdio: workshop.stdio });

  it("reaches processes that block or compute, one or all, and those that do not run yet", async () => {
    const pids = await Promise.all(["wait", "wait", "spin", "wait"].map(create));
    const [first = -1, second = -1] = pids;
    await runtime.kill(second, 12);
    const running = pids.map((pid) => runtime.exec(pid));
    assert.equal(await running[1], 140);
    await runtime.kill(first, 10);
    assert.equal(await running[0], 138);
    await runtime.kill(-1, 9);
    assert.deepEqual(await Promise.all(running.slice(2)), [137, 137]);
  });

  it("fails for processes and signals that there are not", async () => {
    for (const pid of [4711, 0, -2]) assert.match((await failure(runtime.kill(pid, 9))).message, /no process/u);
    const pid = await create("wait");
    assert.match((await failure(runtime.kill(pid, 65))).message, /EINVAL/u);
    assert.match((await failure(runtime.kill(pid, 19))).message, /ENOSYS/u);
    await runtime.kill(pid, 9);
    assert.equal(await runtime.exec(pid), 137);
    assert.match((await failure(runtime.kill(pid, 9))).message, /no process/u);
  });

  it("is refused for version 1, which has none", async () => {
    const old = await initialised(1);
    const pid = await old.createProcess({ path: "exit", argv: ["exit"], env: [], stdio: workshop.stdio });
    for (const number of [pid, -1]) assert.equal((await failure(old.kill(number, 9))).code, "ERR_PAL_UNSUPPORTED");
    await old.destroy();
  });
});

describe("the order of calls", { skip }, () => {
  for (const version of VERSIONS) {
    it(`is kept towards version ${version}`, async () => {
      const runtime = loadRuntime(workshop.skeleton(version), new Map());
      const others = [
        () => workshop.run(runtime, ["exit"]),
        () => runtime.exec(1),
        () => runtime.kill(-1, 9),
        () => runtime.destroy(),
        ...(version === 3 ? [() => runtime.getLocalReport?.(new Uint8Array(512)) ?? Promise.resolve()] : []),
      ];
      for (const call of others) assert.match((await failure(call())).message, /not initialised/u);
      const initialising = runtime.init({ args: "slow-init=100", logLevel: "off" });
      for (const call of others) assert.match((await failure(call())).message, /being initialised/u);
      await initialising;
      assert.match((await failure(runtime.init({ args: "", logLevel: "off" }))).message, /is initialised/u);
      await runtime.destroy();
      for (const call of others) assert.match((await failure(call())).message, /destroyed/u);
    });
  }

  it("leaves a runtime whose init failed alone", async () => {
    const runtime = loadRuntime(workshop.skeleton(2), new Map());
    assert.equal((await failure(runtime.init({ args: "no-such-option", logLevel: "off" }))).code, "ERR_PAL_CALL");
    for (const call of [() => workshop.run(runtime, ["exit"]), () => runtime.destroy()]) {
      assert.match((await failure(call())).message, /its init failed/u);
    }
  });

  it("has processes that run ended by destroy", async () => {
    const runtime = await initialised(2);
    const running = workshop.run(runtime, ["wait"]);
    await setTimeout(50);
    await runtime.destroy();
    assert.equal((await running).status, 137);
  });
});

describe("failures of calls", { skip }, () => {
  /** What of the life of an enclave uses each call, by the skeleton's name for it. */
  const USES: Readonly<Record<string, (args: string, version: PalApiVersion) => Promise<unknown>>> = {
    init: async (args, version) => await initialised(version, args),
    create: async (args, version) => await workshop.run(await initialised(version, args), ["exit"]),
    exec: async (args, version) => await workshop.run(await initialised(version, args), ["exit"]),
    kill: async (args, version) => await (await initialised(version, args)).kill(-1, 9),
    report: async (args, version) => await (await initialised(version, args)).getLocalReport?.(new Uint8Array(512)),
    destroy: async (args, version) => await (await initialised(version, args)).destroy(),
  };
  const SYMBOLS: Readonly<Record<string, string>> = { create: "pal_create_process", report: "pal_get_local_report" };
  const SINCE: Readonly<Record<string, number>> = { create: 2, kill: 2, report: 3 };

  for (const [call, use] of Object.entries(USES)) {
    it(`of pal_${call} are told with their reason, in every version`, async () => {
      for (const version of VERSIONS.filter((each) => each >= (SINCE[call] ?? 1))) {
        for (const [option, value, errno, pattern] of [
          [`fail-${call}=-13`, -13, 0, /failed with -13, EACCES: permission denied$/u],
          [`fail-${call}=-5000`, -5000, 0, /failed with -5000$/u],
          [`fail-${call}=1`, 1, 0, /failed with 1, expected 0 for success or a negative errno value$/u],
          [`errno-${call}=17`, -1, 17, /failed with -1, errno EEXIST: file already exists$/u],
        ] as const) {
          const { code, message, details } = await failure(use(option, version));
          assert.equal(code, "ERR_PAL_CALL");
          assert.match(message, pattern);
          assert.deepEqual(details, { call: SYMBOLS[call] ?? `pal_${call}`, value, errno });
        }
      }
    });
  }

  it("need no deep stack to go well", async () => {
    const calls = ["init", "create", "exec", "report", "destroy"].map((call) => `deep-${call}=6`);
    const runtime = await initialised(3, calls.join(" "));
    assert.equal((await workshop.run(runtime, ["exit", "4"])).status, 4);
    assert.equal((await runtime.getLocalReport?.(new Uint8Array(512)))?.length, 432);
    await runtime.destroy();
  });

  it("include process numbers and exit values that are none", async () => {
    for (const number of [0, -1, -2]) {
      const { message } = await failure(workshop.run(await initialised(2, `number=${number}`), ["exit"]));
      assert.match(message, new RegExp(`process number ${number}, expected`, "u"));
    }
    for (const option of ["exit-value=256", "exit-value=-1", "no-exit-value"]) {
      for (const version of VERSIONS) {
        const { code } = await failure(workshop.run(await initialised(version, option), ["exit"]));
        assert.equal(code, "ERR_PAL_EXIT_VALUE");
      }
    }
  });

  it("include a number that another process still has", async () => {
    const runtime = await initialised(2, "number=7");
    const request = { path: "wait", argv: ["wait"], env: [], stdio: workshop.stdio };
    assert.equal(await runtime.createProcess(request), 7);
    assert.match((await failure(runtime.createProcess(request))).message, /number 7, which another process/u);
  });

  it("include a thread that the function ends", async () => {
    const library = workshop.compile(
      NOTHING.replace("*args->exit_value = 0; return 0;", "(void)args; pthread_exit(0);"),
    );
    const runtime = loadRuntime(library, new Map());
    await runtime.init({ args: "", logLevel: "off" });
    assert.match((await failure(workshop.run(runtime, ["x"]))).message, /ECANCELED/u);
  });
});

describe("deadlines", { skip }, () => {
  const all = { pal_init: 100, pal_create_process: 100, pal_kill: 100, pal_destroy: 100, pal_get_local_report: 100 };

  it("end the waiting for every function but pal_exec, and name it", async () => {
    const init = failure(initialised(1, "hang-init", { deadlinesMs: all }));
    const create = failure(workshop.run(await initialised(2, "hang-create", { deadlinesMs: all }), ["exit"]));
    const kill = failure((await initialised(2, "hang-kill", { deadlinesMs: all })).kill(-1, 9));
    const reporting = await initialised(3, "hang-report", { deadlinesMs: all });
    const report = failure(reporting.getLocalReport?.(new Uint8Array(512)) ?? Promise.resolve());
    const destroy = failure((await initialised(3, "hang-destroy", { deadlinesMs: all })).destroy());
    const names = ["pal_init", "pal_create_process", "pal_kill", "pal_get_local_report", "pal_destroy"];
    for (const [index, { code, details }] of (await Promise.all([init, create, kill, report, destroy])).entries()) {
      assert.equal(code, "ERR_DEADLINE");
      assert.deepEqual(details, { call: names[index] });
    }
  });

  it("do not apply to processes, and the event loop goes on meanwhile", async () => {
    const runtime = await initialised(2, "", { deadlinesMs: all });
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 50);
    assert.equal((await workshop.run(runtime, ["sleep", "1"])).status, 0);
    clearInterval(timer);
    assert.ok(ticks >= 5);
    await runtime.destroy();
  });
});

describe("getLocalReport", { skip }, () => {
  it("gives the report for a TARGETINFO, and takes no other length", async () => {
    const runtime = await initialised(3, "slow-report=100");
    const report = await runtime.getLocalReport?.(new Uint8Array(512).fill(7, 0, 32));
    assert.equal(report?.length, 432);
    assert.deepEqual(report.slice(416), new Uint8Array(16).fill(7));
    assert.match(Buffer.from(report).toString("latin1"), /liberpal-skeleton: no enclave/u);
    for (const length of [0, 511, 513]) {
      const { code } = await failure(runtime.getLocalReport?.(new Uint8Array(length)) ?? Promise.resolve());
      assert.equal(code, "ERR_PAL_CALL");
    }
    await runtime.destroy();
  });
});
