import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createSimulatedAttester } from "@inclavare/attestation";
import { ENCLAVE_MOUNT, type InitRequest } from "@inclavare/container";
import { InclavareError, type JsonValue } from "@inclavare/errors";
import { returnMemory } from "@inclavare/linux";
import { type EnclaveRuntime, loadRuntime } from "@inclavare/pal";
import { createWasmRuntime, type GuestWorker } from "@inclavare/runtime-wasm";
import { type AccessPolicy, libraryPolicy, manifestPolicy } from "./access-policy.ts";
import type { Descriptors } from "./arguments.ts";
import { Attestation } from "./attestation.ts";
import type { ControlAnswer, ControlHandler } from "./control-connection.ts";
import { ControlServer } from "./control-server.ts";
import { loadEnclaveFiles } from "./enclave-files.ts";
import { Enclave } from "./enclave.ts";
import { listenToTerminal } from "./fortress.ts";
import { reapOrphans } from "./reaper.ts";
import { parseControlRequest } from "./requests.ts";
import { Secrets } from "./secrets.ts";

const INIT_DEADLINE_MS = 60_000;
const DESTROY_DEADLINE_MS = 2_000;
/** For the last answers on the control socket to be read. */
const LINGER_MS = 20;
/** After the start, for what it has left behind to be given back: short-lived containers do without. */
const CALM_MS = 1_000;

interface LoadedRuntime {
  readonly runtime: EnclaveRuntime;
  readonly policy: AccessPolicy;
  /** What the main process waits for, if anything. */
  readonly ready: Promise<void> | undefined;
}

/** Puts the parts of pid 1 together and lives as long as the main process. */
export class Runelet implements ControlHandler {
  readonly #descriptors: Descriptors;
  readonly #firstWorker: GuestWorker | undefined;
  readonly #failed = Promise.withResolvers<never>();
  readonly #created = Promise.withResolvers<Enclave>();
  #enclave: Enclave | undefined;
  #secrets: Secrets | undefined;
  #attestation: Attestation | undefined;
  #initialising = false;

  /** @param firstWorker a worker of the wasm runtime that has been started ahead. */
  constructor(descriptors: Descriptors, firstWorker?: GuestWorker) {
    this.#descriptors = descriptors;
    this.#firstWorker = firstWorker;
    this.#failed.promise.catch(() => undefined);
  }

  /** @returns the exit code of the container. */
  async run(): Promise<number> {
    const control = new ControlServer(this.#descriptors.control, this);
    reapOrphans();
    const timer = setTimeout(
      () => this.#failed.reject(new InclavareError("ERR_DEADLINE", `no request within ${INIT_DEADLINE_MS / 1000} s`)),
      INIT_DEADLINE_MS,
    );
    const enclave = await Promise.race([this.#created.promise, this.#failed.promise]);
    clearTimeout(timer);
    try {
      return await enclave.exited;
    } finally {
      await Promise.race([enclave.destroy().catch(() => undefined), sleep(DESTROY_DEADLINE_MS)]);
      await Promise.race([control.idle(), sleep(LINGER_MS)]);
      control.close();
    }
  }

  async request(message: JsonValue): Promise<ControlAnswer> {
    const request = parseControlRequest(message);
    if (request.op === "init") return await this.#initialise(request.request);
    const enclave = this.#enclave;
    if (enclave === undefined)
      throw new InclavareError("ERR_CONTAINER_STATE", `cannot ${request.op}: the enclave is not initialised`);
    switch (request.op) {
      case "start":
        await enclave.start();
        setTimeout(returnMemory, CALM_MS).unref();
        return {};
      case "state":
        return {
          fields: {
            status: enclave.status,
            waitingForSecrets: this.#secrets?.missing() ?? [],
            processes: enclave.processCount,
          },
        };
      case "kill":
        await enclave.kill(request.signal, request.all);
        return {};
      case "attest":
        return { fields: { evidence: Buffer.from(await this.#evidence(request.nonce)).toString("base64") } };
      case "exec":
        break;
    }
    await enclave.assertExecutable(request.process);
    return { attach: async (stdio) => await enclave.exec(request.process, stdio) };
  }

  async #evidence(nonce: string): Promise<Uint8Array> {
    if (this.#attestation !== undefined) return await this.#attestation.evidence(nonce);
    throw new InclavareError(
      "ERR_EVIDENCE_UNBOUND",
      "a PAL library's local report binds neither nonce nor key: ask the application in the enclave for a quote of its own",
    );
  }

  /** Answered only when the enclave is there; when it cannot be, the answer is the reason and pid 1 ends. */
  async #initialise(request: InitRequest): Promise<ControlAnswer> {
    if (this.#initialising) throw new InclavareError("ERR_CONTAINER_STATE", "the enclave is being initialised already");
    this.#initialising = true;
    try {
      const enclave = await this.#createEnclave(request);
      this.#enclave = enclave;
      if (request.process.terminal)
        listenToTerminal((signal) => void enclave.kill(signal, false).catch(() => undefined));
      this.#created.resolve(enclave);
      return {};
    } catch (error) {
      setTimeout(() => this.#failed.reject(error), LINGER_MS);
      throw error;
    }
  }

  async #createEnclave(request: InitRequest): Promise<Enclave> {
    const { runtime, policy, ready } =
      request.runtime === "wasm" ? await this.#loadMeasured(request) : this.#loadLibrary(request);
    const enclave = new Enclave(policy, runtime, request.process, ready);
    await runtime.init({ args: request.runtimeArgs, logLevel: request.logLevel });
    return enclave;
  }

  /** A built-in runtime: what it loads is what attesterd measured, and the manifest in it decides. */
  async #loadMeasured({ runtime: name }: InitRequest): Promise<LoadedRuntime> {
    const { attester: attesterDescriptor, attest } = this.#descriptors;
    if (attesterDescriptor === undefined || attest === undefined)
      throw new InclavareError("ERR_USAGE", `runtime ${name} needs --attester-fd and --attest-fd`);
    const attester = createSimulatedAttester(new Socket({ fd: attesterDescriptor }));
    const measured = await attester.identity();
    const { manifest, appImage } = loadEnclaveFiles(ENCLAVE_MOUNT, measured);
    if (manifest.runtime !== name) {
      throw new InclavareError(
        "ERR_MANIFEST_FORBIDS",
        `the enclave manifest is for runtime ${manifest.runtime}, asked for is ${name}`,
      );
    }
    const secrets = new Secrets(manifest);
    this.#secrets = secrets;
    this.#attestation = new Attestation(attester, { enclave: measured, manifest, secrets });
    this.#attestation.listen(attest);
    const runtime = createWasmRuntime({
      appImage,
      files: () => secrets.files,
      memoryMounts: manifest.mounts.memory,
      maxMemoryBytes: manifest.memoryBytes,
      maxProcesses: manifest.threads,
      ...(this.#firstWorker === undefined ? {} : { firstWorker: this.#firstWorker }),
    });
    return {
      runtime,
      policy: manifestPolicy(manifest),
      ready: secrets.missing().length === 0 ? undefined : secrets.complete,
    };
  }

  /** A PAL library. It runs where runc's process would: its files are found from the caller's working directory on. */
  #loadLibrary({ runtime: path, process: { cwd } }: InitRequest): LoadedRuntime {
    enterDirectory(cwd);
    const { crash } = this.#descriptors;
    const runtime = loadRuntime(path, new Map(), crash === undefined ? {} : { crashDescriptor: crash });
    return { runtime, policy: libraryPolicy(), ready: undefined };
  }
}

function enterDirectory(cwd: string): void {
  try {
    process.chdir(cwd);
  } catch (cause) {
    throw new InclavareError("ERR_PROCESS_CWD", `chdir to cwd (${JSON.stringify(cwd)}) failed`, { cause });
  }
}
