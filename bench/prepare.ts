/** What the comparison needs beside what the project needs: a static busybox and a C compiler for WASI. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

const NEEDED = [
  ["/bin/busybox", "busybox-static"],
  ["/usr/bin/clang", "clang"],
  ["/usr/bin/wasm-ld", "lld"],
  ["/usr/include/wasm32-wasi", "wasi-libc"],
] as const;

export function prepare(): void {
  if (process.getuid?.() !== 0) throw new Error("the comparison starts containers: run it as root");
  const missing = NEEDED.filter(([path]) => !existsSync(path)).map(([, name]) => name);
  if (missing.length === 0) return;
  // clang has no separate path to look for its WASI run-time library, so that comes along with it.
  const names = [...missing, "libclang-rt-dev-wasm32"];
  process.stderr.write(`bench: installing Debian packages: ${names.join(" ")}\n`);
  execFileSync("apt-get", ["install", "-y", "--no-install-recommends", ...names], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", "ignore", "inherit"],
  });
}
