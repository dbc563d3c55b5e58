/** Both versions of cgroups on files in the kernel's format: a double of the documented behaviour, for version 2. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { double, message, nested, repeated, text, uint64 } from "@inclavare/ttrpc";
import { type Cgroup, findCgroup, parseCgroups } from "./cgroup.ts";
import { readMetrics } from "./metrics.ts";

const root = mkdtempSync(join(tmpdir(), "inclavare-cgroup-"));
after(() => rmSync(root, { recursive: true }));

function fill(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

const counter = (...numbers: readonly number[]) =>
  message(Object.fromEntries(numbers.map((number) => [`n${number}`, uint64(number)])));
const pressure = message({ avg10: double(1), avg60: double(2), avg300: double(3), total: uint64(4) });
const psi = message({ some: nested(1, pressure), full: nested(2, pressure) });

describe("the cgroup of a container, version 2", () => {
  const mountPoint = join(root, "v2");
  const own = parseCgroups(readFileSync("/proc/self/cgroup", "utf8")).get("") ?? "/";
  const folder = join(mountPoint, own);
  fill(mountPoint, { "cgroup.controllers": "cpu io memory pids\n" });
  fill(folder, {
    "memory.events": "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 6\n",
    "memory.stat": "anon 100\nfile 200\nkernel_stack 3\ninactive_file 50\npgfault 7\npgmajfault 8\nunknown 9\n",
    "memory.current": "1000\n",
    "memory.max": "max\n",
    "memory.pressure":
      "some avg10=1.50 avg60=0.25 avg300=0.00 total=42\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
    "cpu.stat": "usage_usec 11\nuser_usec 5\nsystem_usec 6\nnr_bursts 2\nburst_usec 3\n",
    "cpu.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=9\n",
    "io.stat": "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n",
    "io.pressure": "some avg10=0.00 avg60=0.00 avg300=12.25 total=1\n",
    "pids.current": "3\n",
    "pids.max": "max\n",
  });
  const cgroup = findCgroup(process.pid, mountPoint);

  it("gives metrics in containerd's numbering, pressure included (9.10)", async () => {
    const { typeUrl, value } = await readMetrics(cgroup);
    assert.equal(typeUrl, "io.containerd.cgroups.v2.Metrics");
    const metrics = message({
      pids: nested(1, counter(1, 2)),
      cpu: nested(2, message({ usage: uint64(1), psi: nested(7, psi), bursts: uint64(8), burst: uint64(9) })),
      io: nested(6, message({ usage: repeated(nested(1, counter(1, 2, 3, 4, 5, 6))), psi: nested(2, psi) })),
      events: nested(8, counter(4, 5, 6)),
    });
    const decoded = metrics.decode(value);
    assert.deepEqual(decoded.pids, { n1: 3n, n2: 2n ** 64n - 1n });
    assert.equal(decoded.cpu?.usage, 11n);
    assert.deepEqual([decoded.cpu?.bursts, decoded.cpu?.burst, decoded.cpu?.psi?.some?.total], [2n, 3n, 9n]);
    assert.equal(decoded.cpu?.psi?.full, undefined);
    assert.deepEqual(decoded.io?.usage, [{ n1: 8n, n2: 0n, n3: 1n, n4: 2n, n5: 3n, n6: 4n }]);
    assert.equal(decoded.io?.psi?.some?.avg300, 12.25);
    assert.deepEqual(decoded.events, { n4: 4n, n5: 5n, n6: 6n });
    const memory = message({
      anon: uint64(1),
      inactiveFile: uint64(13),
      faults: uint64(18),
      majorFaults: uint64(19),
      usage: uint64(32),
      limit: uint64(33),
      psi: nested(38, psi),
    });
    const { memory: seen } = message({ memory: nested(4, memory) }).decode(value);
    assert.deepEqual(seen, {
      anon: 100n,
      inactiveFile: 50n,
      faults: 7n,
      majorFaults: 8n,
      usage: 1000n,
      limit: 2n ** 64n - 1n,
      psi: {
        some: { avg10: 1.5, avg60: 0.25, avg300: 0, total: 42n },
        full: { avg10: 0, avg60: 0, avg300: 0, total: 7n },
      },
    });
  });

  it("tells of a kill once, whether it was watched or looked for at the end (8.20)", async () => {
    let told = 0;
    const watch = cgroup.watchOom(() => told++);
    const events = (kills: number): void => fill(folder, { "memory.events": `oom 9\noom_kill ${kills}\n` });
    await sleep(50);
    events(5);
    await sleep(100);
    assert.equal(told, 0, "nobody was killed");
    events(6);
    for (let round = 0; told === 0 && round < 100; round++) await sleep(20);
    assert.equal(told, 1);
    assert.equal(cgroup.sawNewOom(), false);
    watch.close();
    events(7);
    assert.equal(cgroup.sawNewOom(), true);
    assert.equal(cgroup.sawNewOom(), false);
  });

  it("is not found once it is gone", async () => {
    const gone: Cgroup = { ...cgroup, folder: () => join(root, "gone") };
    await assert.rejects(readMetrics(gone), { code: "ERR_FILE_NOT_FOUND" });
  });
});

describe("the cgroup of a container, version 1", () => {
  it("gives metrics in containerd's numbering (9.10)", async () => {
    const mountPoint = join(root, "v1");
    const cgroup = findCgroup(process.pid, mountPoint);
    fill(cgroup.folder("pids"), { "pids.current": "2\n", "pids.max": "64\n" });
    fill(cgroup.folder("cpuacct"), {
      "cpuacct.usage": "12345\n",
      "cpuacct.stat": "user 3\nsystem 4\n",
      "cpuacct.usage_percpu": "12000 345 \n",
    });
    fill(cgroup.folder("memory"), {
      "memory.stat": "cache 1\nrss 2\ntotal_rss 3\ntotal_inactive_file 4\ntotal_pgfault 5\n",
      "memory.usage_in_bytes": "1000\n",
      "memory.limit_in_bytes": "2000\n",
      "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n",
    });
    fill(cgroup.folder("blkio"), {
      "blkio.throttle.io_service_bytes_recursive": "8:0 Read 4096\n8:0 Total 4096\nTotal 4096\n",
    });
    fill(cgroup.folder("hugetlb"), { "hugetlb.2MB.usage_in_bytes": "9\n", "hugetlb.2MB.failcnt": "1\n" });
    const { typeUrl, value } = await readMetrics(cgroup);
    assert.equal(typeUrl, "io.containerd.cgroups.v1.Metrics");
    const entry = message({ op: text(1), major: uint64(3), value: uint64(5) });
    const metrics = message({
      hugetlb: repeated(nested(1, message({ usage: uint64(1), failcnt: uint64(3), pageSize: text(4) }))),
      pids: nested(2, counter(1, 2)),
      cpu: nested(3, message({ usage: nested(1, message({ total: uint64(1), perCpu: repeated(uint64(4)) })) })),
      memory: nested(
        4,
        message({
          cache: uint64(1),
          totalRss: uint64(19),
          totalFaults: uint64(26),
          inactive: uint64(30),
          usage: nested(33, counter(1, 2)),
        }),
      ),
      blkio: nested(5, message({ bytes: repeated(nested(1, entry)) })),
      oom: nested(9, counter(3)),
    });
    assert.deepEqual(metrics.decode(value), {
      hugetlb: [{ usage: 9n, failcnt: 1n, pageSize: "2MB" }],
      pids: { n1: 2n, n2: 64n },
      cpu: { usage: { total: 12_345n, perCpu: [12_000n, 345n] } },
      memory: { cache: 1n, totalRss: 3n, totalFaults: 5n, inactive: 4n, usage: { n1: 2000n, n2: 1000n } },
      blkio: {
        bytes: [
          { op: "Read", major: 8n, value: 4096n },
          { op: "Total", major: 8n, value: 4096n },
        ],
      },
      oom: { n3: 7n },
    });
  });
});
