import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fitsPlatform, formatPlatform } from "./platform.ts";
import { matchesReference, normalizeReference } from "./reference.ts";

describe("normalizeReference", () => {
  const cases: Record<string, string> = {
    alpine: "docker.io/library/alpine:latest",
    "alpine:3.20": "docker.io/library/alpine:3.20",
    "me/app": "docker.io/me/app:latest",
    "index.docker.io/me/app": "docker.io/me/app:latest",
    "docker.io/alpine": "docker.io/library/alpine:latest",
    "localhost/app": "localhost/app:latest",
    "localhost:5000/app": "localhost:5000/app:latest",
    "registry.example/a/b:1": "registry.example/a/b:1",
    "a@sha256:00": "docker.io/library/a@sha256:00",
  };
  for (const [short, full] of Object.entries(cases))
    it(`completes ${short}`, () => assert.equal(normalizeReference(short), full));

  it("lets short and full names match", () => {
    assert.ok(matchesReference(["docker.io/library/alpine:latest"], "alpine"));
    assert.ok(matchesReference(["latest"], "latest"));
    assert.ok(!matchesReference(["alpine:3.19"], "alpine:3.20"));
    assert.ok(!matchesReference([], "alpine"));
  });
});

describe("fitsPlatform", () => {
  const arm = { os: "linux", architecture: "arm64" };
  it("takes the only baseline for no variant", () => {
    assert.ok(fitsPlatform({ ...arm, variant: "v8" }, arm));
    assert.ok(fitsPlatform(arm, { ...arm, variant: "v8" }));
    assert.ok(!fitsPlatform({ ...arm, variant: "v9" }, { ...arm, variant: "v8" }));
    assert.ok(!fitsPlatform(arm, { os: "linux", architecture: "amd64" }));
    assert.equal(formatPlatform({ os: "linux", architecture: "arm", variant: "v7" }), "linux/arm/v7");
  });
});
