import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createSimulatedAttester } from "@inclavare/attestation";
import type { EnclaveManifest } from "@inclavare/enclave-image";
import { createIdentity } from "@inclavare/enclave-tls";
import { InclavareError, type JsonValue } from "@inclavare/errors";
import { type EnclaveRuntime, loadRuntime } from "@inclavare/pal";
import { createWasmRuntime } from "@inclavare/runtime-wasm";
import type { Descriptors } from "./arguments.ts";
import { serveAttestation } from "./attest-server.ts";
import type { ControlAnswer, ControlHandler } from "./control-connection.ts";
import { ControlServer } from "./control-server.ts";
import { type EnclaveFiles, loadEnclaveFiles } from "./enclave-files.ts";
import { Enclave } from "./enclave.ts";
import { listenToTerminal } from "./fortress.ts";
import { reapOrphans } from "./reaper.ts";
import { ENCLAVE_MOUNT, type InitRequest } from "@inclavare/container";
import { parseControlRequest } from "./requests.ts";
import { Secrets } from "./secrets.ts";

const INIT_DEADLINE_MS = 60_000;
const DESTROY_DEADLINE_MS = 2_000;
/** Long enough for the last answers on the control socket to be read. */
const LINGER_MS = 20;

/** Puts the parts of pid 1 together and lives as long as the main process. */
export class Runelet implements ControlHandler {
  readonly #descriptors: Descriptors;
  readonly #failed = Promise.withResolvers<never>();
  readonly #created = Promise.withResolvers<Enclave>();
  #enclave: Enclave | undefined;
  #secrets: Secrets | undefined;
  #initialising = false;

  constructor(descriptors: Descriptors) {
    this.#descriptors = descriptors;
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
    const code = await enclave.exited;
    await Promise.race([enclave.destroy(), sleep(DESTROY_DEADLINE_MS)]);
    await sleep(LINGER_MS);
    control.close();
    return code;
  }

  async request(message: JsonValue): Promise<ControlAnswer> {
    const request = parseControlRequest(message);
    if (request.op === "init") return await this.#initialise(request.request);
    const enclave = this.#enclave;
    if (enclave === undefined)
      throw new InclavareError("ERR_CONTAINER_STATE", `cannot ${request.op}: the enclave is not initialised`);
    switch (request.op) {
      case "start":
        enclave.start();
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
      case "exec":
        break;
    }
    await enclave.assertExecutable(request.process);
    return { attach: async (stdio) => await enclave.exec(request.process, stdio) };
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
    const attester = createSimulatedAttester(new Socket({ fd: this.#descriptors.attester }));
    const measured = await attester.identity();
    const files = loadEnclaveFiles(ENCLAVE_MOUNT, measured);
    const { manifest } = files;
    if (manifest.runtime !== request.runtime) {
      throw new InclavareError(
        "ERR_MANIFEST_FORBIDS",
        `the enclave manifest is for runtime ${manifest.runtime}, asked for is ${request.runtime}`,
      );
    }
    const secrets = new Secrets(manifest);
    this.#secrets = secrets;
    const runtime = loadEnclaveRuntime(request.runtime, files, secrets);
    const enclave = new Enclave(manifest, runtime, secrets, request.process);
    await runtime.init({ args: request.runtimeArgs, logLevel: request.logLevel });
    const identity = await createIdentity({ attester, workload: manifest.workload, now: new Date() });
    serveAttestation(this.#descriptors.attest, { identity, enclave: measured, manifest, secrets });
    return enclave;
  }
}

function loadEnclaveRuntime(name: string, { manifest, appImage }: EnclaveFiles, secrets: Secrets): EnclaveRuntime {
  const wasm = (): EnclaveRuntime =>
    createWasmRuntime({
      appImage,
      files: () => secrets.files,
      memoryMounts: memoryMounts(manifest),
      maxMemoryBytes: manifest.memoryBytes,
      maxProcesses: manifest.threads,
    });
  return loadRuntime(name, new Map([["wasm", wasm]]));
}

function memoryMounts(manifest: EnclaveManifest): readonly string[] {
  return manifest.mounts.memory;
}
