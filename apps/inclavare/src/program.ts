import { type Program, VERSION } from "@inclavare/cli";
import { bundleCommand } from "./commands/bundle.ts";
import { convertCommand } from "./commands/convert.ts";
import { demoCommand } from "./commands/demo.ts";
import { createDoctorCommand } from "./commands/doctor.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { createInstallContainerdCommand } from "./commands/install-containerd.ts";
import { installDockerCommand } from "./commands/install-docker.ts";
import { keygenCommand } from "./commands/keygen.ts";
import { measureCommand } from "./commands/measure.ts";
import { createPalCheckCommand, palProbeCommand } from "./commands/pal.ts";
import { signCommand } from "./commands/sign.ts";

/**
 * The commands of `inclavare`, in the order of its help.
 * @param self program and arguments that start this program again
 */
export function createProgram(environment: NodeJS.ProcessEnv, self: readonly [string, ...string[]]): Program {
  return {
    name: "inclavare",
    summary: "makes, measures and signs TEE images, and looks after the machines that run them",
    version: VERSION,
    commands: [
      createDoctorCommand(environment),
      keygenCommand,
      convertCommand,
      measureCommand,
      signCommand,
      inspectCommand,
      bundleCommand,
      createPalCheckCommand(environment, self),
      palProbeCommand,
      installDockerCommand,
      createInstallContainerdCommand(environment),
      demoCommand,
    ],
  };
}
