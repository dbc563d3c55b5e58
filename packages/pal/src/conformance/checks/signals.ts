import { setTimeout as sleep } from "node:timers/promises";
import type { Check } from "../check.ts";
import { expect, expectEqual } from "../finding.ts";
import { type Blocked, type Trial, UNKNOWN_PID } from "../trial.ts";

const NO_SIGNAL = 4711;
/** For a process that was not meant to end. */
const SETTLE_MS = 100;

/** @throws Finding when the process goes on, or did not end by the signal */
async function expectKilled(trial: Trial, { pid, ended }: Blocked): Promise<void> {
  const { signal, deadlineMs } = trial.profile;
  const waitMs = deadlineMs / 2;
  const end = await Promise.race([ended, sleep(waitMs, undefined, { ref: false })]);
  expect(
    end !== undefined,
    `kill with signal ${signal} succeeded, but process ${pid} has not ended after ${waitMs} ms`,
  );
  expectEqual(end.status, 128 + signal, `the exit value of process ${pid}, which signal ${signal} ended,`);
}

export const signalChecks: readonly Check[] = [
  {
    name: "kill",
    specification:
      "pal_kill sends a signal to the process of that number, and to no other; exit_value is then 128 + the signal.",
    requires: "two-at-once",
    since: 2,
    programs: ["blocks"],
    async run(trial) {
      const [first, second] = [await trial.block(), await trial.block()];
      let hasSecondEnded = false;
      const note = (): void => {
        hasSecondEnded = true;
      };
      second.ended.then(note, note);
      await trial.runtime.kill(first.pid, trial.profile.signal);
      await expectKilled(trial, first);
      await sleep(SETTLE_MS);
      expect(!hasSecondEnded, `kill of process ${first.pid} ended process ${second.pid} too`);
      await trial.runtime.kill(second.pid, trial.profile.signal);
      await expectKilled(trial, second);
    },
  },
  {
    name: "kill-all",
    specification: "pal_kill with -1 sends the signal to every process.",
    requires: "kill",
    since: 2,
    programs: ["blocks"],
    async run(trial) {
      const blocked = [await trial.block(), await trial.block()];
      await trial.runtime.kill(-1, trial.profile.signal);
      for (const process of blocked) await expectKilled(trial, process);
    },
  },
  {
    name: "kill-unknown",
    specification: "pal_kill of a number that no process has fails, and so does a signal that does not exist.",
    requires: "kill",
    since: 2,
    programs: ["blocks"],
    async run(trial) {
      const { runtime, profile } = trial;
      const blocked = await trial.block();
      await trial.expectFailure(
        runtime.kill(UNKNOWN_PID, profile.signal),
        `kill of process ${UNKNOWN_PID}, which nobody made,`,
      );
      await trial.expectFailure(
        runtime.kill(blocked.pid, NO_SIGNAL),
        `kill with signal ${NO_SIGNAL}, which does not exist,`,
      );
      await runtime.kill(blocked.pid, profile.signal);
      await expectKilled(trial, blocked);
    },
  },
];
