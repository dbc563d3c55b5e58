import type { Check } from "../check.ts";
import { expect, expectEqual } from "../finding.ts";
import { UNKNOWN_PID } from "../trial.ts";

const AT_ONCE = 16;

export const processChecks: readonly Check[] = [
  {
    name: "process-numbers",
    specification:
      "pal_create_process writes a number above 0 to pid, another one for each process that has not ended.",
    requires: "exit-value",
    since: 2,
    async run(trial) {
      const processes = [];
      for (let code = 1; code <= 4; code += 1) processes.push(await trial.create(trial.exiting(code)));
      const numbers = processes.map(({ pid }) => pid);
      expect(new Set(numbers).size === numbers.length, `four processes have the numbers ${numbers.join(", ")}`);
      for (const [index, process] of processes.toReversed().entries()) {
        const { status } = await process.exec();
        expectEqual(status, processes.length - index, `the exit value of process ${process.pid}`);
      }
    },
  },
  {
    name: "unknown-process",
    specification: "pal_exec of a number that no process has fails.",
    requires: "exit-value",
    since: 2,
    async run(trial) {
      await trial.expectFailure(trial.runtime.exec(UNKNOWN_PID), `exec of process ${UNKNOWN_PID}, which nobody made,`);
    },
  },
  {
    name: "missing-program",
    specification: "A program that is not there makes pal_create_process or pal_exec fail; the enclave lives on.",
    requires: "exit-value",
    async run(trial) {
      const { missingPath } = trial.profile;
      const request = { path: missingPath, argv: [missingPath], env: [] };
      const foreseen = trial.runtime.assertProcess?.(request);
      if (foreseen !== undefined) await trial.expectFailure(foreseen, `assert process of ${missingPath}`);
      const running = trial.run({ path: missingPath, argv: [missingPath] });
      await trial.expectFailure(running, `a process of ${missingPath}, which is not there,`);
      expectEqual((await trial.run(trial.exiting(7))).status, 7, "after a failure, the exit value");
    },
  },
  {
    name: "two-at-once",
    specification: "Further processes are made and run while pal_exec of another blocks.",
    requires: "exit-value",
    // The process that blocks is left: whether it can be killed is for other checks.
    needsOwnEnclave: true,
    programs: ["blocks"],
    async run(trial) {
      await trial.block();
      expectEqual((await trial.run(trial.exiting(7))).status, 7, "beside a process that blocks, the exit value");
    },
  },
  {
    name: "many-at-once",
    specification: "Functions are called from many threads at once; each process keeps its own exit value.",
    requires: "process-numbers",
    async run(trial) {
      const codes = Array.from({ length: AT_ONCE }, (_, index) => index + 1);
      const ended = await Promise.all(codes.map(async (code) => await trial.run(trial.exiting(code))));
      expectEqual(
        ended.map(({ status }) => status),
        codes,
        `the exit values of ${AT_ONCE} processes at once`,
      );
    },
  },
];
