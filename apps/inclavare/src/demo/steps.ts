import { closeSync, copyFileSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { decodeEvidenceMessage } from "@inclavare/attestation";
import { InclavareError } from "@inclavare/errors";
import type { Account } from "./account.ts";
import { writeOrdinaryImage } from "./ordinary-image.ts";
import type { Stage } from "./stage.ts";

export const WORKLOAD = "statistics";
const STEPS = 9;
const RESULT_DEADLINE_MS = 30_000;

/** What the steps learn on the way and the attacks need. */
export interface Scene {
  readonly stage: Stage;
  readonly account: Account;
  /** The folder with the example's modules and table. */
  readonly example: string;
  readonly convertFlags: readonly string[];
  readonly router: string;
}

/** Flags of `shelter` that name its state; the simulated root is trusted, explicitly. */
export function shelterFlags(stage: Stage): string[] {
  return ["--state", stage.path("shelter")];
}

export function attestFlags(stage: Stage): string[] {
  return ["--trust", stage.path("root.pem"), ...shelterFlags(stage)];
}

/** The nine steps, from an ordinary image to the result of a program that has received a secret. */
export async function playSteps(
  stage: Stage,
  account: Account,
  example: string,
  saveDirectory?: string,
): Promise<Scene> {
  account.step(1, STEPS, "an ordinary image with a WASI program, built from source");
  await writeOrdinaryImage(stage.path("image"), readFileSync(join(example, "statistics.wasm")), "/app/statistics.wasm");
  account.say("entrypoint /app/statistics.wasm, TABLE=/secrets/table.csv; the table itself is not in the image");

  account.step(2, STEPS, "the image becomes a TEE image: enclave manifest and measured pages");
  const key = (await stage.must("shelter", ["key", ...shelterFlags(stage)])).trim().split(/\s+/u)[0] ?? "";
  const convertFlags = [
    "--workload",
    WORKLOAD,
    "--owner",
    "demo",
    "--verifier",
    key,
    "--secret",
    "table=/secrets/table.csv",
  ];
  account.command(`inclavare convert image -o tee ${convertFlags.join(" ")}`);
  await stage.must("inclavare", ["convert", stage.path("image"), "-o", stage.path("tee"), ...convertFlags]);
  account.say("secrets are taken only from the key of this Shelter");

  account.step(3, STEPS, "signed: the key stays with the owner, the node never sees it");
  account.command("inclavare keygen -o key.pem && inclavare sign tee --key key.pem");
  await stage.must("inclavare", ["keygen", "-o", stage.path("key.pem")]);
  await stage.must("inclavare", ["sign", stage.path("tee"), "--key", stage.path("key.pem")]);
  const signed = await inspect(stage, stage.path("tee"));
  account.say(`MRENCLAVE ${signed.mrEnclave}\nMRSIGNER  ${signed.mrSigner}`);

  account.step(4, STEPS, "the expected measurement, recomputed from the ordinary image, goes to Shelter");
  account.command(`inclavare measure image … && shelter reference add ${WORKLOAD} --mrenclave … --mrsigner …`);
  const expected = JSON.parse(
    await stage.must("inclavare", ["measure", stage.path("image"), ...convertFlags, "--format", "json"]),
  ) as { mrEnclave: string };
  if (expected.mrEnclave !== signed.mrEnclave) {
    throw new InclavareError(
      "ERR_DEMO",
      `recomputed MRENCLAVE ${expected.mrEnclave}, the TEE image has ${signed.mrEnclave}`,
    );
  }
  const reference = [
    "--mrenclave",
    expected.mrEnclave,
    "--mrsigner",
    signed.mrSigner,
    "--source",
    "recomputed from the image",
  ];
  await stage.must("shelter", ["reference", "add", WORKLOAD, ...reference, ...shelterFlags(stage)]);
  account.say("equal to what was signed; recorded");

  account.step(5, STEPS, "rune creates and starts the container; runc makes it, attesterd measures it");
  await stage.must("attesterd", ["init", "--platform", stage.path("platform")]);
  await stage.must("attesterd", ["root", "--platform", stage.path("platform"), "-o", stage.path("root.pem")]);
  await stage.start("attesterd", ["serve"]);
  await stage.must("inclavare", ["bundle", stage.path("tee"), "-o", stage.path("bundle")]);
  account.command("rune create -b bundle statistics-1 && rune start statistics-1");
  await createAndStart(stage, "statistics-1", stage.path("bundle"));
  account.say(`${await status(stage, "statistics-1")}; its program waits for the secret "table"`);

  account.step(6, STEPS, "Shelter attests it, through the node's proxy");
  const ready = await stage.start("inclavared", [
    "--listen",
    "127.0.0.1:0",
    "--workloads",
    stage.path("rune"),
    "--trust",
    stage.path("root.pem"),
  ]);
  const router = (JSON.parse(ready) as { address: string }).address;
  account.command(
    `shelter attest --via ${router} ${WORKLOAD} --trust root.pem --allow simulated --secret table=patients.csv`,
  );
  const secret = ["--secret", `table=${join(example, "patients.csv")}`, "--save-evidence", stage.path("evidence.cbor")];
  const verdict = await stage.must("shelter", [
    "attest",
    "--via",
    router,
    WORKLOAD,
    "--allow",
    "simulated",
    ...secret,
    ...attestFlags(stage),
  ]);

  account.step(7, STEPS, "the verdict, with its reasons");
  account.say(verdict);
  account.step(8, STEPS, "the table was released over that same session, and the program has it now");
  account.say("no other session, node or container has seen it");

  account.step(9, STEPS, "the program's result");
  account.say(await result(stage, "statistics-1"));
  if (saveDirectory !== undefined) saveEvidence(stage, account, saveDirectory);
  return { stage, account, example, convertFlags, router };
}

/**
 * Creates and starts a container. Its output goes to a file that {@link result} reads, errors too: the container keeps
 * the descriptors that `rune create` was given, so a pipe would stay open as long as it lives.
 */
export async function createAndStart(stage: Stage, id: string, bundle: string): Promise<void> {
  const { code, said } = await create(stage, id, bundle);
  if (code !== 0) throw new InclavareError("ERR_DEMO", `rune create ${id} ended with status ${code}: ${said}`);
  await stage.must("rune", [...stage.runeRoot(), "start", id]);
}

/** `rune create`, and what it said. */
export async function create(stage: Stage, id: string, bundle: string): Promise<{ code: number; said: string }> {
  stage.own(id);
  const path = stage.path(`${id}.out`);
  const output = openSync(path, "wx", 0o600);
  try {
    const { code } = await stage.run("rune", [...stage.runeRoot(), "create", "-b", bundle, id], {
      stdio: ["ignore", output, output],
    });
    return { code, said: readFileSync(path, "utf8").trim() };
  } finally {
    closeSync(output);
  }
}

export async function inspect(stage: Stage, layout: string): Promise<{ mrEnclave: string; mrSigner: string }> {
  return JSON.parse(await stage.must("inclavare", ["inspect", layout, "--format", "json"])) as {
    mrEnclave: string;
    mrSigner: string;
  };
}

async function status(stage: Stage, id: string): Promise<string> {
  return (JSON.parse(await stage.must("rune", [...stage.runeRoot(), "state", id])) as { status: string }).status;
}

async function result(stage: Stage, id: string): Promise<string> {
  const deadline = Date.now() + RESULT_DEADLINE_MS;
  while ((await status(stage, id)) !== "stopped") {
    if (Date.now() > deadline)
      throw new InclavareError("ERR_DEADLINE", `${id} did not end within ${RESULT_DEADLINE_MS / 1000} s`);
    await sleep(50);
  }
  return readFileSync(stage.path(`${id}.out`), "utf8");
}

/** Leaves evidence and root behind, so that `shelter verify` can be tried on them: whole, and as quote and collateral. */
function saveEvidence(stage: Stage, account: Account, directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const name of ["evidence.cbor", "root.pem"]) copyFileSync(stage.path(name), join(directory, name));
  const { evidence } = decodeEvidenceMessage(readFileSync(stage.path("evidence.cbor")));
  writeFileSync(join(directory, "quote.dat"), evidence.quote);
  writeFileSync(join(directory, "collateral.json"), `${JSON.stringify(evidence.collateral, undefined, 2)}\n`);
  account.say(`saved for your own look in ${directory}:`);
  account.command(`shelter verify ${directory}/evidence.cbor --trust ${directory}/root.pem --evidence-only`);
}
