import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { writeOrdinaryImage } from "./ordinary-image.ts";
import { attestFlags, create, createAndStart, type Scene, WORKLOAD } from "./steps.ts";

const ATTACKS = 3;

/** Three attacks; each has to fail, and the demonstration fails if one does not. */
export async function playAttacks(scene: Scene): Promise<void> {
  await alterOneByte(scene);
  await runAnotherProgram(scene);
  await presentSimulatedEvidence(scene);
}

async function alterOneByte({ stage, account }: Scene): Promise<void> {
  account.attack(1, ATTACKS, "one byte of the TEE image is altered on the node");
  const bundle = stage.path("altered");
  cpSync(stage.path("bundle"), bundle, { recursive: true });
  const pages = join(bundle, "rootfs", ".enclave", "app.img");
  const bytes = readFileSync(pages);
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(pages, bytes);
  account.command("rune create -b altered altered-1");
  const { code, said } = await create(stage, "altered-1", bundle);
  expectRefusal(code !== 0 && said.includes("ERR_SGX_INVALID_MEASUREMENT"), "the altered image was not refused", said);
  account.say(said);
  account.say("refused: no enclave");
}

async function runAnotherProgram(scene: Scene): Promise<void> {
  const { stage, account, example, convertFlags } = scene;
  account.attack(2, ATTACKS, `another program runs under the name "${WORKLOAD}", well signed by its author`);
  await stage.must("rune", [...stage.runeRoot(), "delete", "--force", "statistics-1"]);
  await writeOrdinaryImage(stage.path("thief"), readFileSync(join(example, "thief.wasm")), "/app/statistics.wasm");
  await stage.must("inclavare", ["convert", stage.path("thief"), "-o", stage.path("thief-tee"), ...convertFlags]);
  await stage.must("inclavare", ["keygen", "-o", stage.path("thief.pem")]);
  await stage.must("inclavare", ["sign", stage.path("thief-tee"), "--key", stage.path("thief.pem")]);
  await stage.must("inclavare", ["bundle", stage.path("thief-tee"), "-o", stage.path("thief-bundle")]);
  await createAndStart(stage, "thief-1", stage.path("thief-bundle"));
  await attestRefused(scene, ["--allow", "simulated"], "measurement");
  await stage.must("rune", [...stage.runeRoot(), "delete", "--force", "thief-1"]);
}

async function presentSimulatedEvidence(scene: Scene): Promise<void> {
  const { stage, account } = scene;
  account.attack(3, ATTACKS, "the right program, but its evidence is simulated and nobody said --allow simulated");
  await createAndStart(stage, "statistics-2", stage.path("bundle"));
  await attestRefused(scene, [], "simulated");
}

/** Shelter has to refuse by policy (exit 5), name the check, and deliver nothing. */
async function attestRefused(
  { stage, account, example, router }: Scene,
  flags: string[],
  check: string,
): Promise<void> {
  account.command(
    `shelter attest --via ${router} ${WORKLOAD} --trust root.pem ${[...flags, "--secret"].join(" ")} table=patients.csv`,
  );
  const secret = ["--secret", `table=${join(example, "patients.csv")}`];
  const outcome = await stage.run("shelter", [
    "attest",
    "--via",
    router,
    WORKLOAD,
    ...flags,
    ...secret,
    ...attestFlags(stage),
  ]);
  const { code, stdout, stderr } = outcome;
  expectRefusal(code === 5 && stdout.includes(check), `the evidence was not refused for its ${check}`, stdout + stderr);
  account.say(stdout);
  account.say("refused, exit 5: the secret stays where it is");
}

function expectRefusal(refused: boolean, what: string, said: string): void {
  if (!refused) throw new InclavareError("ERR_DEMO", `${what}: ${said.trim()}`);
}
