import type { Check } from "../check.ts";
import { expect, expectEqual } from "../finding.ts";

/** The beginning of an enclave's life. */
export const startChecks: readonly Check[] = [
  {
    name: "load",
    specification: "A library loads, has every function of its version, and speaks version 1, 2 or 3.",
    beforeInit: true,
    async run({ runtime }) {
      expect([1, 2, 3].includes(runtime.apiVersion), `its version is ${runtime.apiVersion}, expected 1, 2 or 3`);
      const hasReport = runtime.getLocalReport !== undefined;
      expect(
        hasReport === runtime.apiVersion >= 3,
        `get local report belongs to version 3, it has ${runtime.apiVersion}`,
      );
    },
  },
  {
    name: "init",
    specification: "pal_init creates the enclave and returns 0.",
    requires: "load",
    beforeInit: true,
    async run(trial) {
      await trial.init();
    },
  },
  {
    name: "exit-value",
    specification: "pal_exec runs a process to its end and writes its exit code, 0 to 255, to exit_value.",
    requires: "init",
    async run(trial) {
      for (const code of [0, 7, 255]) {
        const { status } = await trial.run(trial.exiting(code));
        expectEqual(status, code, `the exit value of ${trial.exiting(code).argv.join(" ")}`);
      }
    },
  },
];

/** Its end, and what must not happen in between. */
export const endChecks: readonly Check[] = [
  {
    name: "init-twice",
    specification: "One process has one enclave: a second pal_init fails and leaves the first enclave as it was.",
    requires: "exit-value",
    async run(trial) {
      await trial.expectFailure(trial.runtime.init(trial.profile.init), "a second init");
      const { status } = await trial.run(trial.exiting(7));
      expectEqual(status, 7, "after a second init, the exit value");
    },
  },
  {
    name: "destroy",
    specification: "pal_destroy ends the enclave and returns 0; processes that were made but never run do not matter.",
    requires: "exit-value",
    needsOwnEnclave: true,
    async run(trial) {
      await trial.run(trial.exiting(0));
      await trial.create(trial.exiting(0));
      await trial.runtime.destroy();
    },
  },
  {
    name: "after-destroy",
    specification: "After pal_destroy every call but pal_init fails; none crashes.",
    requires: "destroy",
    needsOwnEnclave: true,
    async run(trial) {
      const { pid } = await trial.create(trial.exiting(0));
      await trial.runtime.destroy();
      await trial.expectFailure(trial.runtime.exec(pid), "exec after destroy");
      await trial.expectFailure(trial.run(trial.exiting(0)), "a process after destroy");
      if (trial.runtime.apiVersion >= 2) {
        await trial.expectFailure(trial.runtime.kill(pid, trial.profile.signal), "kill after destroy");
      }
    },
  },
];
