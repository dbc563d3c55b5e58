import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Containerd } from "../containerd.ts";
import { type TestImage, writeImageArchive } from "../images.ts";
import { Testbed } from "../testbed.ts";
import { CriClient } from "./client.ts";
import { CRI } from "./messages.ts";

const CNI_PLUGINS = "/usr/lib/cni";
const PAUSE = "inclavare.test/pause:1";
const DEADLINE_MS = 30_000;

/** Why there can be no pods with a network, or false. */
export function cannotNetwork(): string | false {
  return existsSync(join(CNI_PLUGINS, "bridge"))
    ? false
    : "requires containerd's network plugins: they are not installed";
}

/** A containerd with its CRI plugin, in a network namespace of its own, whose pods run with our shim. */
export class CriBed {
  readonly bed: Testbed;
  readonly containerd: Containerd;
  readonly client: CriClient;
  /** The parent of all cgroups of this test, and so its mark. */
  readonly cgroupParent: string;

  private constructor(bed: Testbed, containerd: Containerd, cgroupParent: string) {
    this.bed = bed;
    this.containerd = containerd;
    this.cgroupParent = cgroupParent;
    this.client = new CriClient(containerd.address, () => containerd.pid);
  }

  /** @param handlers runtime handlers beside `rune`: the text of each one's options in TOML */
  static async start(name: string, handlers: Readonly<Record<string, string>> = {}): Promise<CriBed> {
    const bed = await Testbed.create(name);
    writeNetwork(bed.path("cni"));
    const options = Object.entries(handlers).map(([handler, body]) => {
      const file = bed.path(`${handler}.toml`);
      writeFileSync(file, body);
      return [handler, file] as const;
    });
    const config = criConfig(bed.path("cni"), [["rune", undefined], ...options]);
    const containerd = await Containerd.start(bed, { cri: config });
    const cri = new CriBed(bed, containerd, `/e2e${name}${process.pid}`);
    await cri.import({ name: PAUSE, command: ["/bin/sleep", "1000000"] });
    return cri;
  }

  /** Makes an image known, as if it had been pulled. */
  async import(image: TestImage): Promise<void> {
    const file = this.bed.path("image.tar");
    await writeImageArchive(file, image);
    const { status, stderr } = this.containerd.ctr("--namespace", "k8s.io", "images", "import", file);
    if (status !== 0) throw new Error(`image ${image.name} is not imported: ${stderr}`);
    rmSync(file);
    const isThere = async (): Promise<boolean> =>
      (await this.client.call(CRI.imageStatus, { image: { image: image.name } })).image !== undefined;
    await this.until(`the image ${image.name}`, isThere);
  }

  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + DEADLINE_MS; !(await holds()); await sleep(50))
      if (Date.now() > deadline) throw new Error(`${what}: not within ${DEADLINE_MS} ms`);
  }

  /** The daemons of our shim that this containerd has started. */
  shims(): number[] {
    return list("/proc").flatMap((name) => {
      try {
        const line = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
        return line.includes("shim-rune") && line.includes(this.containerd.address) ? [Number(name)] : [];
      } catch {
        return [];
      }
    });
  }

  /** Removes everything. @returns what was there although every pod had been removed */
  async close(): Promise<string[]> {
    try {
      const { items } = await this.client.call(CRI.listPods, {});
      const left = items.map(({ id }) => `pod ${id}`);
      for (const { id } of items) {
        await this.client.call(CRI.stopPod, { id });
        await this.client.call(CRI.removePod, { id });
      }
      const bundles = this.containerd.bundles("k8s.io");
      const isOver = (): boolean => this.shims().length === 0 && list(bundles).length === 0;
      await this.until("containerd has cleaned up", isOver).catch(() => undefined);
      return [...left, ...this.#leftovers()];
    } finally {
      for (const pid of this.shims()) process.kill(pid, "SIGKILL");
      this.client[Symbol.dispose]();
      await this.bed[Symbol.asyncDispose]();
      this.#removeCgroups();
    }
  }

  #leftovers(): string[] {
    const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
    return [
      ...this.shims().map((pid) => `shim ${pid}`),
      ...mounts.filter((line) => line.includes(this.bed.directory)),
      ...list(this.containerd.bundles("k8s.io")).flatMap((id) => [
        id,
        ...list(join(this.containerd.bundles("k8s.io"), id)).map((name) => `${id}/${name}`),
      ]),
      ...this.bed.traces(this.cgroupParent.slice(1)).filter((trace) => !trace.endsWith(this.cgroupParent)),
    ];
  }

  #removeCgroups(): void {
    for (const controller of list("/sys/fs/cgroup")) {
      const folder = join("/sys/fs/cgroup", controller, this.cgroupParent);
      if (existsSync(folder)) rmdirSync(folder);
    }
  }
}

/** Pods on a bridge within containerd's own network namespace. */
function writeNetwork(folder: string): void {
  mkdirSync(folder);
  const ipam = { type: "host-local", subnet: "10.231.0.0/24", dataDir: join(folder, "leases") };
  const bridge = { type: "bridge", bridge: "pods", isGateway: true, ipam };
  writeFileSync(
    join(folder, "10-pods.conflist"),
    JSON.stringify({ cniVersion: "0.4.0", name: "inclavare-tests", plugins: [bridge] }),
  );
}

function criConfig(cni: string, handlers: readonly (readonly [string, string | undefined])[]): string {
  const cri = `plugins."io.containerd.grpc.v1.cri"`;
  const runtimes = handlers.map(
    ([name, options]) =>
      `[${cri}.containerd.runtimes.${name}]\nruntime_type = "io.containerd.rune.v2"\n` +
      `pod_annotations = ["enclave.*"]\ncontainer_annotations = ["enclave.*"]\n` +
      (options === undefined ? "" : `[${cri}.containerd.runtimes.${name}.options]\nConfigPath = "${options}"\n`),
  );
  return (
    `[${cri}]\nrestrict_oom_score_adj = true\nsandbox_image = "${PAUSE}"\nnetns_mounts_under_state_dir = true\n` +
    `disable_apparmor = true\n[${cri}.cni]\nbin_dir = "${CNI_PLUGINS}"\nconf_dir = "${cni}"\n` +
    `[${cri}.containerd]\nsnapshotter = "overlayfs"\ndefault_runtime_name = "rune"\n${runtimes.join("")}`
  );
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}
