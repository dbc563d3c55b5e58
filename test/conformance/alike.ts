import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { probeProgram } from "../support/probe-program.ts";
import { cannotRun, Testbed } from "../support/testbed.ts";
import { plainProbe } from "./probe.ts";
import { type Kind, Subject } from "./subject.ts";

const KINDS: readonly Kind[] = ["runc", "rune", "enclave"];

export interface AlikeOptions<T> {
  /** What runc itself has to answer: a case that runc fails is a wrong case. */
  readonly expected?: NoInfer<T>;
  /** What an enclave container answers instead; `because` names the row of docs/spec-conformance.md that says why. */
  readonly enclave?: { readonly answer: NoInfer<T>; readonly because: string };
  /** Without an enclave container: the case would have nothing to do with one. */
  readonly plainOnly?: boolean;
}

/** Asks all three the same; rune must answer as runc does. */
export type Alike = <T>(title: string, ask: (subject: Subject) => T | Promise<T>, options?: AlikeOptions<T>) => void;

/** A suite in which every case is asked of runc, of rune with a plain container, and of rune with an enclave container. */
export function conformance(name: string, cases: (alike: Alike) => void): void {
  void describe(`conformance: ${name}`, { skip: cannotRun() }, () => {
    let bed: Testbed;
    let subjects: readonly Subject[] = [];
    const marker = `cnf${name.replaceAll(/[^a-z]/gu, "")}${process.pid}x`;
    before(async () => {
      bed = await Testbed.create(`conformance-${name.replaceAll(" ", "-")}`);
      const [plain, wasm] = [plainProbe(), await probeProgram()];
      subjects = KINDS.map((kind) => new Subject(kind, bed, marker, kind === "enclave" ? wasm : plain));
    });
    after(async () => {
      for (const subject of subjects) subject.close();
      assert.deepEqual(await bed.close(marker), []);
    });
    cases((title, ask, options = {}) => void describe(title, () => compare(() => subjects, ask, options)));
  });
}

function compare<T>(
  subjects: () => readonly Subject[],
  ask: (subject: Subject) => T | Promise<T>,
  { expected, enclave, plainOnly = false }: AlikeOptions<T>,
): void {
  let control: T;
  for (const [index, kind] of KINDS.entries()) {
    if (kind === "enclave" && plainOnly) continue;
    void it(kind === "enclave" && enclave !== undefined ? `enclave differs: ${enclave.because}` : kind, async () => {
      const answer = await ask(subjects()[index] ?? assert.fail("no subject"));
      if (kind === "runc") {
        control = answer;
        if (expected !== undefined) assert.deepEqual(control, expected);
      } else if (kind === "enclave" && enclave !== undefined) {
        assert.notDeepEqual(answer, control, "the deviation is gone: strike it from docs/spec-conformance.md");
        assert.deepEqual(answer, enclave.answer);
      } else if (kind === "enclave") assert.deepEqual(withoutPrefix(answer), withoutPrefix(control));
      else assert.deepEqual(answer, control);
    });
  }
}

/** Errors that rune finds by itself do not say that runc has failed. */
function withoutPrefix(answer: unknown): unknown {
  if (typeof answer === "string") return answer.replaceAll(/\b(?:runc (?:create|run)|exec) failed: /gu, "");
  if (typeof answer !== "object" || answer === null) return answer;
  if (Array.isArray(answer)) return answer.map(withoutPrefix);
  return Object.fromEntries(Object.entries(answer).map(([key, value]) => [key, withoutPrefix(value)]));
}
