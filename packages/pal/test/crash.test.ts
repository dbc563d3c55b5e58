/** What becomes of a process whose PAL library crashes: each case in a process of its own. */
import assert from "node:assert/strict";
import { constants } from "node:os";
import { after, before, describe, it } from "node:test";
import { type ChildEnd, type ChildRequest, runChild } from "./child.ts";
import { NOTHING, skeleton, skip, VERSIONS, Workshop } from "./support.ts";

const { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS } = constants.signals;
/** Starts a program as pid 1 of a pid namespace, which no signal of its own can end. */
const AS_FIRST = ["unshare", "--pid", "--fork", "--kill-child"];
const skipFirst = process.getuid?.() === 0 ? false : "requires root";

let workshop: Workshop;
before(() => {
  workshop = new Workshop();
});
after(() => workshop[Symbol.dispose]());

function assertCrash({ signal, crash, stderr }: ChildEnd, number: number, call: string): void {
  assert.deepEqual([signal && constants.signals[signal], crash], [number, `signal ${number} in ${call}\n`]);
  assert.ok(stderr.endsWith(crash), stderr);
}

describe("a crash of a library", { skip }, () => {
  for (const version of VERSIONS) {
    it(`is reported with the call, in version ${version}`, () => {
      const library = skeleton(version);
      const calls: readonly (readonly [option: string, call: string, more?: Partial<ChildRequest>])[] = [
        ["init", "pal_init"],
        ["exec", "pal_exec"],
        ["destroy", "pal_destroy"],
        ["create", "pal_create_process"],
        ["kill", "pal_kill", { argv: ["wait"], also: "kill" }],
        ["report", "pal_get_local_report", { argv: ["wait"], also: "report" }],
      ];
      for (const [option, call, more] of calls.slice(0, { 1: 3, 2: 5, 3: 6 }[version])) {
        assertCrash(runChild({ library, args: `crash-${option}`, ...more }), SIGSEGV, call);
      }
    });
  }

  it("ends the process by its signal, whichever it is", () => {
    for (const number of [SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS]) {
      assertCrash(runChild({ library: skeleton(2), args: `crash-exec=${number}` }), number, "pal_exec");
    }
  });

  it("is reported when the stack is used up", () => {
    assertCrash(runChild({ library: skeleton(2), argv: ["deep", "9"] }), SIGSEGV, "pal_exec");
  });

  it("is reported on threads of its own, with the call that made them", () => {
    const source = NOTHING.replace(
      "(void)attr;",
      "(void)attr; pthread_t thread; pthread_create(&thread, NULL, late, NULL);",
    )
      .replace("*args->exit_value = 0;", "*args->exit_value = 0; pause();")
      .replace("#ifndef LACKS_VERSION", "static void *late(void *x) { usleep(100000); abort(); return x; }\n$&");
    assertCrash(runChild({ library: workshop.compile(source) }), SIGABRT, "pal_init");
  });

  it("is reported while it is loaded", () => {
    const library = workshop.compile(`${NOTHING} __attribute__((constructor)) static void begin(void) { abort(); }`);
    assertCrash(runChild({ library }), SIGABRT, "dlopen");
    const version = workshop.compile(NOTHING.replace("return LIBERPAL_API_VERSION", "abort()"));
    assertCrash(runChild({ library: version }), SIGABRT, "pal_get_version");
  });

  it("is reported by pid 1 of a container, which then exits with 128 + the signal", { skip: skipFirst }, () => {
    for (const number of [SIGSEGV, SIGABRT]) {
      const { status, crash } = runChild({ library: skeleton(2), args: `crash-exec=${number}` }, AS_FIRST);
      assert.deepEqual([status, crash], [128 + number, `signal ${number} in pal_exec\n`]);
    }
  });
});

describe("what is no crash of a library", { skip }, () => {
  const EXEC = "*args->exit_value = 0; return 0;";

  it("goes to V8, whose WebAssembly still traps, while the library runs and afterwards", () => {
    const { stdout, crash, signal } = runChild({ library: skeleton(2), argv: ["sleep", "1"], also: "trap" });
    assert.deepEqual([stdout, crash, signal], ["trapped: true\nexit value 0\ndestroyed\n", "", null]);
  });

  it("is a fault of a child that the library has forked", () => {
    const fork = `pid_t child = fork();
      if (child == 0) abort();
      int status = 0;
      waitpid(child, &status, 0);
      *args->exit_value = 128 + WTERMSIG(status);
      return 0;`;
    const { stdout, crash } = runChild({ library: workshop.compile(NOTHING.replace(EXEC, fork)) });
    assert.deepEqual([stdout, crash], [`exit value ${128 + SIGABRT}\ndestroyed\n`, ""]);
  });

  it("is a signal that somebody else sends, which ends the process as ever", () => {
    const library = workshop.compile(NOTHING.replace(EXEC, "(void)args; kill(getpid(), SIGFPE); pause(); return 0;"));
    const { signal, crash } = runChild({ library });
    assert.deepEqual([signal, crash], ["SIGFPE", ""]);
  });

  it(
    "is a signal sent to pid 1, which does nothing, so that a crash after it is still reported",
    { skip: skipFirst },
    () => {
      const twice = "(void)args; kill(getpid(), SIGFPE); kill(getpid(), SIGFPE); raise(SIGFPE); return 0;";
      const { status, crash } = runChild({ library: workshop.compile(NOTHING.replace(EXEC, twice)) }, AS_FIRST);
      assert.deepEqual([status, crash], [128 + SIGFPE, `signal ${SIGFPE} in pal_exec\n`]);
    },
  );
});
