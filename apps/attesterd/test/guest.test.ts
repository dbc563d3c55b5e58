/** attesterd in a guest that is the TEE as a whole: evidence of the hardware, over claims that name the container. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  type Claims,
  type ContainerAttester,
  createSimulatedAttester,
  encodeClaims,
  encodeContainerClaim,
  encodeEvidenceMessage,
  launchRequest,
  recognise,
  reportDataFor,
} from "@inclavare/attestation";
import { openTsmQuoter, type TsmFiles } from "@inclavare/attestation/attesters";
import {
  buildAppImage,
  createMeasurer,
  deriveManifest,
  encodeManifest,
  enclaveSigningFields,
} from "@inclavare/enclave-image";
import { type ErrorCode, isInclavareError } from "@inclavare/errors";
import { encodeMessage } from "@inclavare/linux";
import { createSigstruct, generateSigningKey } from "@inclavare/sgx";
import { createDaemon } from "../src/daemon.ts";
import { Launcher } from "../src/launch.ts";
import { guestProvider } from "../src/provider.ts";

const requirement = process.getuid?.() === 0 ? false : "requires root: only root launches";
const directory = mkdtempSync(join(tmpdir(), "inclavare-attesterd-guest-"));
const payload = join(directory, "payload");
const enclaveDirectory = join(directory, "enclave");
const socketPath = join(directory, "run", "attesterd.sock");

/** configfs-tsm of an SEV-SNP guest, as the kernel's documentation has it; the report is unsigned, for nobody verifies it here. */
class SnpTree implements TsmFiles {
  readonly entries = new Map<string, { generation: number; inblob: Uint8Array }>();
  async mkdir(path: string): Promise<void> {
    await Promise.resolve(this.entries.set(basename(path), { generation: 0, inblob: Buffer.alloc(0) }));
  }
  async rmdir(path: string): Promise<void> {
    await Promise.resolve(this.entries.delete(basename(path)));
  }
  async list(): Promise<readonly string[]> {
    return await Promise.resolve([...this.entries.keys()]);
  }
  async write(path: string, bytes: Uint8Array): Promise<void> {
    const entry = this.entries.get(basename(dirname(path))) ?? assert.fail();
    entry.inblob = await Promise.resolve(Uint8Array.from(bytes));
    entry.generation += 1;
  }
  async read(path: string): Promise<Uint8Array> {
    const entry = this.entries.get(basename(dirname(path))) ?? assert.fail();
    const report = Buffer.alloc(1184);
    report.writeUInt32LE(3, 0);
    report.writeBigUInt64LE(0x30000n, 8);
    report.writeUInt32LE(1, 0x34);
    Buffer.from(entry.inblob).copy(report, 0x50);
    const files: Readonly<Record<string, Uint8Array>> = {
      outblob: report,
      provider: Buffer.from("sev_guest\n"),
      generation: Buffer.from(`${entry.generation}\n`),
    };
    return await Promise.resolve(files[basename(path)] ?? Buffer.alloc(0));
  }
}

async function writeEnclave(): Promise<void> {
  mkdirSync(enclaveDirectory);
  const base = deriveManifest({ entrypoint: ["/main.wasm"], args: [], env: [], cwd: "/", user: { uid: 0, gid: 0 } });
  const manifest = { ...base, workload: "test", owner: "tests", product: { id: 3, svn: 4 }, debug: false };
  const bytes = encodeManifest(manifest);
  const owner = { uid: 0, gid: 0, mtimeSeconds: 0, sizeBytes: 0 };
  const root = { path: "/", type: "directory", mode: 0o755, ...owner } as const;
  const appImage = await buildAppImage([{ ...root, read: async () => await Promise.resolve(Buffer.alloc(0)) }]);
  const { mrEnclave } = createMeasurer(payload).measure({ manifest: bytes, appImage });
  const fields = enclaveSigningFields(manifest, mrEnclave, new Date());
  writeFileSync(join(enclaveDirectory, "enclave.json"), bytes);
  writeFileSync(join(enclaveDirectory, "app.img"), appImage);
  writeFileSync(join(enclaveDirectory, "sigstruct.bin"), createSigstruct(fields, generateSigningKey()));
}

function writePayload(): void {
  mkdirSync(payload);
  const program = Buffer.from("payload");
  writeFileSync(join(payload, "runelet.mjs"), program);
  const sha256 = createHash("sha256").update(program).digest("hex");
  const files = [{ path: "runelet.mjs", sizeBytes: program.length, sha256 }];
  const text = JSON.stringify({ release: "0.1.0", architecture: "x64", node: "v24.0.0", files });
  writeFileSync(join(payload, "payload.json"), text);
}

async function codeOf(action: Promise<unknown>): Promise<ErrorCode> {
  try {
    await action;
  } catch (error) {
    if (isInclavareError(error)) return error.code;
    throw error;
  }
  throw new assert.AssertionError({ message: "nothing was refused" });
}

describe("attesterd in a guest TEE", { skip: requirement }, () => {
  const files = new SnpTree();
  const cleanup = new AsyncDisposableStack();
  let socket: Socket;
  let attester: ContainerAttester;
  const claimsWith = (container: Claims["container"]): Uint8Array =>
    encodeClaims({
      pubkeyHash: { algorithm: "sha-256", value: Buffer.alloc(32, 1) },
      ...(container === undefined ? {} : { container }),
    });

  before(async () => {
    writePayload();
    await writeEnclave();
    const provider = guestProvider(await openTsmQuoter({ files }));
    assert.equal(provider.tee, "sev-snp");
    const launcher = new Launcher(provider, payload);
    cleanup.use(await createDaemon({ socketPath, launcher, log: () => undefined }));
    socket = createConnection(socketPath);
    cleanup.defer(() => void socket.destroy());
    await once(socket, "connect");
    socket.write(encodeMessage(launchRequest({ container: "c1", enclaveDirectory })));
    await once(socket, "data");
    attester = createSimulatedAttester(socket);
  });
  after(async () => {
    await cleanup.disposeAsync();
    rmSync(directory, { recursive: true, force: true });
  });

  it("gives the hardware's report over claims that name the measured container", async () => {
    const claims = claimsWith(encodeContainerClaim(await attester.identity()));
    const evidence = await attester.evidenceOver(claims);
    assert.equal(evidence.format, "snp-report");
    assert.deepEqual(Buffer.from(evidence.quote).subarray(0x50, 0x90), Buffer.from(reportDataFor(claims)));
    assert.equal(recognise(encodeEvidenceMessage({ evidence, claims })), "evidence-message");
    assert.equal(files.entries.size, 0);
  });

  it("over no claims that name another container, none, or nothing that it can read", async () => {
    const own = await attester.identity();
    for (const change of [
      { mrEnclave: "00".repeat(32) },
      { mrSigner: "00".repeat(32) },
      { isvSvn: 5 },
      { debug: true },
    ]) {
      const claims = claimsWith(encodeContainerClaim({ ...own, ...change }));
      assert.equal(await codeOf(attester.evidenceOver(claims)), "ERR_EVIDENCE_UNBOUND", JSON.stringify(change));
    }
    assert.equal(await codeOf(attester.evidenceOver(claimsWith(undefined))), "ERR_EVIDENCE_UNBOUND");
    assert.equal(await codeOf(attester.evidence(Buffer.alloc(64))), "ERR_EVIDENCE_UNBOUND");
    assert.equal(await codeOf(attester.evidenceOver(Buffer.from("no claims"))), "ERR_CLAIMS_FORMAT");
  });

  it("answers many requests in their order", async () => {
    const container = encodeContainerClaim(await attester.identity());
    const asked = Array.from({ length: 20 }, (_, index) =>
      encodeClaims({
        pubkeyHash: { algorithm: "sha-256", value: Buffer.alloc(32, 1) },
        container,
        nonce: Buffer.of(index),
      }),
    );
    const answers = await Promise.all(asked.map(async (claims) => await attester.evidenceOver(claims)));
    for (const [index, { quote }] of answers.entries()) {
      const expected = Buffer.from(reportDataFor(asked[index] ?? assert.fail()));
      assert.deepEqual(Buffer.from(quote).subarray(0x50, 0x90), expected);
    }
  });
});

describe("attesterd serve --evidence tsm", { skip: requirement }, () => {
  it("ends at once on a machine without configfs-tsm, with the reason", () => {
    const config = join(mkdtempSync(join(tmpdir(), "inclavare-attesterd-tsm-")), "config.toml");
    writeFileSync(config, `[attesterd]\nevidence = "tsm"\ntsm = "${dirname(config)}/absent"\n`);
    const main = join(import.meta.dirname, "..", "src", "main.ts");
    const options = { encoding: "utf8", timeout: 30_000, env: { ...process.env, INCLAVARE_CONFIG: config } } as const;
    const { status, stderr } = spawnSync(process.execPath, [main, "serve"], options);
    rmSync(dirname(config), { recursive: true });
    assert.equal(status, 1);
    assert.match(stderr, /ERR_TSM_UNAVAILABLE/u);
  });
});
