import { defineCommand } from "@inclavare/cli";
import { InclavareError } from "@inclavare/errors";
import { Account } from "../demo/account.ts";
import { playAttacks } from "../demo/attacks.ts";
import { Stage } from "../demo/stage.ts";
import { playSteps } from "../demo/steps.ts";
import { installation } from "@inclavare/container";

export const demoCommand = defineCommand({
  name: "demo",
  summary: "plays the whole chain on the simulated platform, then three attacks",
  positionals: [],
  options: {
    save: { type: "string", value: "DIR", help: "leave the evidence and the simulated root there" },
  },
  async run({ stdout, values }) {
    if (process.getuid?.() !== 0)
      throw new InclavareError("ERR_PRIVILEGE", "containers are made by root: run it as root");
    const { bin, payload, examples } = installation();
    const account = new Account(stdout, performance.now());
    await using stage = new Stage(bin, payload, process.env);
    const scene = await playSteps(stage, account, `${examples}/confidential-statistics`, values.save);
    await playAttacks(scene);
    account.finish(performance.now(), "nine steps, three refusals; nothing is left running");
  },
});
