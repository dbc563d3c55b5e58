/** Libraries that behave as Occlum's and WAMR's are documented to, under their names: what the table of quirks is for. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { type EnclaveRuntime, loadRuntime } from "../src/index.ts";
import { NOTHING, skip, Workshop } from "./support.ts";

let workshop: Workshop;
before(() => {
  workshop = new Workshop();
});
after(() => workshop[Symbol.dispose]());

/** exit_value is a status of wait(2), here the first argument; failures are -1 and errno. */
const OCCLUM = `
#define LACKS_INIT
#define LACKS_CREATE
#define LACKS_EXEC
#define LACKS_KILL
${NOTHING}
static int status;
static int failed(int reason) { errno = reason; return -1; }
int pal_init(const pal_attr_t *attr) { return attr->args[0] == 0 ? failed(EINVAL) : 0; }
int pal_create_process(pal_create_process_args_t *args) { status = atoi(args->argv[1]); *args->pid = 1; return 0; }
int pal_exec(pal_exec_args_t *args) { *args->exit_value = status; return 0; }
int pal_kill(int pid, int sig) { (void)pid; return sig == SIGKILL || sig == SIGTERM ? 0 : failed(EPERM); }
`;

/** pal_create_process runs the program, which sleeps for some milliseconds and fails with 1 for "fail". */
const WAMR = `
#define LACKS_INIT
#define LACKS_CREATE
#define LACKS_EXEC
${NOTHING}
int pal_init(const pal_attr_t *attr) { return attr->args[0] == 0 ? 0 : 1; }
int pal_create_process(pal_create_process_args_t *args)
{
	if (strcmp(args->argv[0], "fail") == 0) return 1;
	usleep(atoi(args->argv[1]) * 1000);
	dprintf(args->stdio->stdout, "ran %s\\n", args->argv[0]);
	return 0;
}
int pal_exec(pal_exec_args_t *args) { (void)args; return 0; }
`;

describe("Occlum's library", { skip }, () => {
  let runtime: EnclaveRuntime;
  before(async () => {
    runtime = loadRuntime(workshop.compile(OCCLUM, { name: "libocclum-pal.so" }), new Map());
  });

  it("fails with the reason in errno", async () => {
    const path = workshop.compile(OCCLUM, { name: "libocclum-pal.so.1" });
    await assert.rejects(loadRuntime(path, new Map()).init({ args: "", logLevel: "off" }), {
      code: "ERR_PAL_CALL",
      message: "pal_init of libocclum-pal.so.1 failed with -1, errno EINVAL: invalid argument",
    });
  });

  it("has its exit values decoded, and what is none refused", async () => {
    await runtime.init({ args: "/instance", logLevel: "off" });
    for (const [written, expected] of [
      [0x0300, 3],
      [0xff00, 255],
      [9, 137],
      [0x8b, 139],
    ] as const) {
      assert.equal((await workshop.run(runtime, ["x", String(written)])).status, expected);
    }
    for (const written of [0x1_0000, -1, 0x7f]) {
      await assert.rejects(workshop.run(runtime, ["x", String(written)]), { code: "ERR_PAL_EXIT_VALUE" });
    }
  });

  it("is sent the signals that it takes, and no others", async () => {
    for (const signal of [9, 15]) await runtime.kill(-1, signal);
    for (const signal of [1, 2, 10, 17, 28]) {
      await assert.rejects(runtime.kill(-1, signal), { code: "ERR_PAL_UNSUPPORTED" });
    }
  });
});

describe("WAMR's library", { skip }, () => {
  let path = "";
  const deadlinesMs = { pal_create_process: 50 };
  before(() => {
    path = workshop.compile(WAMR, { name: "libwamr-pal.so" });
  });

  it("fails to initialise with a positive value", async () => {
    await assert.rejects(loadRuntime(path, new Map()).init({ args: "x", logLevel: "off" }), { code: "ERR_PAL_CALL" });
  });

  it("runs a process when it is run, not when it is made, for as long as it takes", async () => {
    const runtime = loadRuntime(path, new Map(), { deadlinesMs });
    await runtime.init({ args: "", logLevel: "off" });
    const request = { path: "a.wasm", argv: ["a.wasm", "300"], env: [], stdio: workshop.stdio };
    const pids = [await runtime.createProcess(request), await runtime.createProcess(request)];
    assert.deepEqual(pids, [1, 2]);
    const running = runtime.exec(1);
    assert.equal(await Promise.race([running, setTimeout(100, "still running")]), "still running");
    await assert.rejects(runtime.kill(1, 9), { code: "ERR_PAL_UNSUPPORTED" });
    assert.equal(await running, 0);
    assert.deepEqual(await workshop.run(runtime, ["b.wasm", "0"]), { status: 0, output: "ran b.wasm\n" });
    await assert.rejects(workshop.run(runtime, ["fail"]), {
      code: "ERR_PAL_CALL",
      details: { call: "pal_create_process", value: 1, errno: 0 },
    });
  });
});
