import { execFileSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { writeLayout } from "@inclavare/oci";

const OWNER = { uid: 0, gid: 0, mtimeSeconds: 0 } as const;
const APPLETS = ["cat", "echo", "false", "id", "kill", "ls", "ps", "sh", "sleep", "stty", "tail", "test", "true", "wc"];

/** An image as anybody builds it, with Debian's static busybox in one layer, and the given programs in a second one. */
export interface TestImage {
  /** By which it is named in containerd, with its tag. */
  readonly name: string;
  readonly command: readonly string[];
  readonly programs?: Readonly<Record<string, Uint8Array>>;
}

/** Writes an archive of an OCI layout, as `ctr image import` takes it. @param file `.tar`; beside it there is a folder for a while */
export async function writeImageArchive(file: string, { name, command, programs = {} }: TestImage): Promise<void> {
  const layout = `${file}.layout`;
  const folders = ["bin", "dev", "etc", "proc", "sys", "tmp"];
  await writeLayout(layout, {
    config: { Entrypoint: [...command], Env: ["PATH=/bin"], WorkingDir: "/" },
    platform: { os: "linux", architecture: process.arch === "arm64" ? "arm64" : "amd64" },
    layers: [
      {
        entries: [
          ...folders.map((path) => ({ path: `/${path}`, type: "directory" as const, mode: 0o755, ...OWNER })),
          { path: "/bin/busybox", type: "file", mode: 0o755, ...OWNER, content: readFileSync("/bin/busybox") },
          ...APPLETS.map((applet) => ({
            path: `/bin/${applet}`,
            type: "symlink" as const,
            mode: 0o777,
            ...OWNER,
            linkTarget: "busybox",
          })),
        ],
      },
      {
        entries: Object.entries(programs).map(([path, content]) => ({
          path,
          type: "file" as const,
          mode: 0o755,
          ...OWNER,
          content,
        })),
      },
    ],
    reference: name,
  });
  execFileSync("tar", ["-C", layout, "-cf", file, "."]);
  rmSync(layout, { recursive: true });
}
