/** containerd-shim-rune-v2: what containerd starts for containers of the runtime io.containerd.rune.v2. */
import { readFileSync } from "node:fs";
import { installation, loadConfig } from "@inclavare/container";
import { formatOneLine, InclavareError } from "@inclavare/errors";
import packageJson from "../package.json" with { type: "json" };
import { parseFlags, type ShimFlags } from "./command/flags.ts";

/** Which state of the sources this was built from; set by the build. */
declare const INCLAVARE_COMMIT: string | undefined;
const COMMIT = typeof INCLAVARE_COMMIT === "string" ? INCLAVARE_COMMIT : "unknown";
const { version } = packageJson;

const USAGE = `usage: containerd-shim-rune-v2 -namespace NS -address ADDRESS -id ID [-bundle DIR] [-debug] start|delete
       containerd-shim-rune-v2 -info | -v
containerd starts it; nobody else has to.
`;

async function main(): Promise<void> {
  const flags = parseFlags(process.argv.slice(2));
  if (flags.version) return print(`containerd-shim-rune-v2 ${version}\nrevision ${COMMIT}\n`);
  if (flags.help) return print(USAGE);
  if (flags.info) {
    const { describeRuntime } = await import("./command/info.ts");
    const runtime = readConfig().rune.runtime;
    const about = { version, revision: COMMIT, runtime, path: process.env["PATH"] };
    return print(await describeRuntime(readFileSync(0), about));
  }
  if (flags.namespace === "") throw new InclavareError("ERR_USAGE", "shim namespace cannot be empty");
  if (flags.id === "") throw new InclavareError("ERR_USAGE", "shim id cannot be empty");
  await run(flags);
}

async function run(flags: ShimFlags): Promise<void> {
  switch (flags.action) {
    case "start": {
      const { DAEMON_FLAGS, startShim } = await import("./command/start.ts");
      const daemon = [process.execPath, ...process.execArgv, ...DAEMON_FLAGS, process.argv[1] ?? ""] as const;
      return print(await startShim({ flags, input: readFileSync(0), env: process.env, daemon }));
    }
    case "delete": {
      const { deleteLeftovers } = await import("./command/delete.ts");
      const context = { cwd: process.cwd(), env: process.env, config: readConfig(), now: () => new Date() };
      return print(await deleteLeftovers({ flags, ...context }));
    }
    case "": {
      const { runDaemon } = await import("./daemon/daemon.ts");
      return await runDaemon({
        flags,
        env: process.env,
        config: readConfig(),
        bundle: process.cwd(),
        version,
        revision: COMMIT,
      });
    }
    default:
      throw new InclavareError("ERR_USAGE", `there is no action ${flags.action}`);
  }
}

function readConfig() {
  return loadConfig(process.env["INCLAVARE_CONFIG"], { payload: installation().payload });
}

function print(answer: string | Uint8Array): void {
  process.stdout.write(answer);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${formatOneLine(error)}\n`);
  process.exitCode = 1;
}
