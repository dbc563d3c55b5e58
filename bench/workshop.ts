/** Where the comparison works: the demonstration's stage, with bundles made on demand. */
import { join } from "node:path";
import { writeOrdinaryImage } from "../apps/inclavare/src/demo/ordinary-image.ts";
import { Stage } from "../apps/inclavare/src/demo/stage.ts";
import { installation } from "../packages/container/src/index.ts";

export class Workshop extends Stage {
  #count = 0;

  constructor(environment: NodeJS.ProcessEnv) {
    const { bin, payload } = installation();
    super(bin, payload, environment);
  }

  /** Starts the simulated platform and makes the key that signs every bundle. */
  async open(): Promise<void> {
    await this.must("attesterd", ["init", "--platform", this.path("platform")]);
    await this.start("attesterd", ["serve"]);
    await this.must("inclavare", ["keygen", "-o", this.path("key.pem")]);
  }

  nextId(): string {
    this.#count += 1;
    return `bench-${this.#count}`;
  }

  /** An OCI bundle with a signed TEE image of one WASI module. */
  async enclaveBundle(name: string, module: Uint8Array): Promise<string> {
    const [image, tee, bundle] = ["image", "tee", "bundle"].map((kind) => this.path(`${name}-${kind}`)) as [
      string,
      string,
      string,
    ];
    await writeOrdinaryImage(image, module, "/app/main.wasm");
    await this.must("inclavare", ["convert", image, "-o", tee, "--workload", name, "--owner", "bench"]);
    await this.must("inclavare", ["sign", tee, "--key", this.path("key.pem")]);
    await this.must("inclavare", ["bundle", tee, "-o", bundle]);
    return bundle;
  }

  async compileWat(source: string): Promise<Uint8Array> {
    const { default: createWabt } = await import("wabt");
    const wabt = await createWabt();
    const module = wabt.parseWat(join(this.directory, "x.wat"), source);
    return module.toBinary({}).buffer;
  }
}
