import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import { parse, stringify } from "smol-toml";
import { isSame, parseContainerdConfig, runtimeNamed } from "../../apps/inclavare/src/containerd-toml/document.ts";
import {
  dropInOf,
  type Plan,
  planInstall,
  planUndo,
  type State,
} from "../../apps/inclavare/src/containerd-toml/plan.ts";
import { formatRecord, type InstallRecord, parseRecord } from "../../apps/inclavare/src/containerd-toml/record.ts";
import { editedJson } from "../support/edited-json.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 300);
const CONFIG = "/etc/containerd/config.toml";
const OURS = ["rune", "rune-wasm"];
type Table = Record<string, unknown>;

const runtimes = {
  runc: { runtime_type: "io.containerd.runc.v2", options: { SystemdCgroup: true } },
  "rune-wasm": { runtime_type: "io.containerd.other.v1" },
  'od"d.[name]': { runtime_type: "x", pod_annotations: ["a]", "#b"] },
};
const base = (version: number, plugin: string): Table => ({
  version,
  root: "/var/lib/containerd",
  imports: ["/etc/containerd/own.d/*.toml"],
  disabled_plugins: [],
  debug: { level: 'inf"o', text: 'a\n[plugins."x"]\n# no comment\n' },
  plugins: { [plugin]: { containerd: { runtimes } }, "io.containerd.other.v1": { list: [{ a: 1 }, { b: [[]] }] } },
});
const full = fc.oneof(
  editedJson(base(2, "io.containerd.grpc.v1.cri"), [2, runtimes]),
  editedJson(base(3, "io.containerd.cri.v1.runtime"), [3, runtimes]),
);
/** What people write between the lines. */
const decorated = fc
  .tuple(
    full,
    fc.array(fc.constantFrom("", "# note", "  # [x]", '#\'"""'), { maxLength: 6 }),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([document, notes, carriage, ended]) => {
    const lines = render(document).trimEnd().split("\n");
    for (const [at, note] of notes.entries()) {
      const place = (at * 7) % (lines.length + 1);
      // Within a string of several lines it would be part of the string, and that is well too.
      lines.splice(place, 0, note);
    }
    return lines.join(carriage ? "\r\n" : "\n") + (ended ? "\n" : "");
  });
const damaged = fc
  .tuple(decorated, fc.nat(600), fc.nat(20), fc.string({ maxLength: 3 }))
  .map(([text, at, length, put]) => text.slice(0, at) + put + text.slice(at + length));
const texts = fc.oneof({ weight: 3, arbitrary: decorated }, { weight: 1, arbitrary: damaged });

/** TOML has no null, and no list of everything: what cannot be written is left out. */
function render(document: unknown): string {
  try {
    return stringify(document);
  } catch {
    return 'version = 2\n[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]\n  runtime_type = "x"\n';
  }
}

function coded<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!isInclavareError(error)) throw error;
    assert.match(error.code, /^ERR_CONTAINERD_CONFIG(?:_TAKEN)?$/u);
    return undefined;
  }
}

type Files = Map<string, string | undefined>;
function stateOf(files: Files, record?: InstallRecord): State {
  return { config: CONFIG, read: (path) => files.get(path), record: record && parseRecord(formatRecord(record), "r") };
}
function applied(files: Files, plan: Plan): Files {
  return new Map([...new Map([...files, ...plan.texts])].filter(([, text]) => text !== undefined));
}
function install(files: Files, record: InstallRecord | undefined, isForced: boolean): Plan | undefined {
  const wishes = { names: OURS, tee: "simulated", optionsFolder: "/etc/inclavare-containers" } as const;
  return coded(() => planInstall(stateOf(files, record), { wishes, newVersion: 2, isForced }));
}
/** Everything but our runtimes, and the import of our file. */
function others(text: string): unknown {
  const root = structuredClone(parse(text, { integersAsBigInt: "asNeeded" })) as Table;
  const plugins = (root["plugins"] ?? {}) as Record<string, { containerd?: { runtimes?: Table } }>;
  for (const name of OURS)
    for (const plugin of Object.values(plugins)) if (isObject(plugin)) delete plugin.containerd?.runtimes?.[name];
  const imports = ((root["imports"] ?? []) as string[]).filter((path) => !path.includes("inclavare"));
  return { ...root, imports };
}
function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

describe("any configuration of containerd", () => {
  it("is refused with a code, or gets the runtimes and keeps everything else; again changes nothing", () => {
    let installed = 0;
    fc.assert(
      fc.property(texts, fc.boolean(), (text, isForced) => {
        const files: Files = new Map([[CONFIG, text]]);
        const plan = install(files, undefined, isForced);
        if (plan === undefined) return;
        installed += 1;
        const after = applied(files, plan);
        const config = parseContainerdConfig(after.get(CONFIG) ?? "", CONFIG);
        const where =
          config.version === 2 ? config : parseContainerdConfig(after.get(dropInOf(CONFIG)) ?? "", "drop-in");
        for (const name of OURS)
          assert.equal((runtimeNamed(where, name) as Table | undefined)?.["runtime_type"], "io.containerd.rune.v2");
        const hadRuntimes = parseContainerdConfig(text, CONFIG).runtimes !== undefined;
        if (hadRuntimes || config.version === 3)
          assert.ok(isSame(others(after.get(CONFIG) ?? ""), others(text)), after.get(CONFIG));
        else assert.ok(runtimeNamed(config, "runc"), "what is built in got lost");
        assert.equal(install(after, plan.record, false)?.outcome, "unchanged");
      }),
      { numRuns },
    );
    assert.ok(installed > numRuns / 10, `${installed} of ${numRuns} were installed`);
  });

  it("is what it was, byte for byte, after undo", () => {
    fc.assert(
      fc.property(texts, fc.boolean(), (text, isForced) => {
        const files: Files = new Map([[CONFIG, text]]);
        const plan = install(files, undefined, isForced);
        if (plan === undefined) return;
        const after = applied(files, plan);
        assert.deepEqual(applied(after, planUndo(stateOf(after, plan.record))), files);
      }),
      { numRuns },
    );
  });

  it("keeps what others have added since", () => {
    fc.assert(
      fc.property(decorated, fc.constantFrom("\n[timeouts]\n  x = '1s'\n", "\n# note\n"), (text, added) => {
        const files: Files = new Map([[CONFIG, text]]);
        const plan = install(files, undefined, false);
        if (plan === undefined) return;
        const edited = applied(files, plan);
        edited.set(CONFIG, `${edited.get(CONFIG) ?? ""}${added}`);
        if (coded(() => parseContainerdConfig(edited.get(CONFIG) ?? "", CONFIG)) === undefined) return;
        const undone = coded(() => planUndo(stateOf(edited, plan.record)));
        if (undone === undefined) return;
        const rest = applied(edited, undone);
        assert.ok(isSame(others(rest.get(CONFIG) ?? ""), others(edited.get(CONFIG) ?? "")), rest.get(CONFIG));
        for (const name of OURS) {
          const left = runtimeNamed(parseContainerdConfig(rest.get(CONFIG) ?? "", CONFIG), name) as Table | undefined;
          assert.notEqual(left?.["runtime_type"], "io.containerd.rune.v2");
        }
      }),
      { numRuns },
    );
  });
});
