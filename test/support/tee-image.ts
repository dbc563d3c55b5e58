import { join } from "node:path";
import {
  APP_IMAGE_FILE,
  buildAppImage,
  createMeasurer,
  deriveManifest,
  ENCLAVE_DIRECTORY,
  encodeManifest,
  type EnclaveManifest,
  enclaveSigningFields,
  FIXED_EPOCH,
  MANIFEST_FILE,
  SIGSTRUCT_FILE,
} from "@inclavare/enclave-image";
import { createSigstruct, generateSigningKey } from "@inclavare/sgx";
import { BIN } from "./testbed.ts";

/** A production manifest for `/app.wasm`: nothing from outside, no exec, no stdin. */
export const MANIFEST: EnclaveManifest = {
  ...deriveManifest({ entrypoint: ["/app.wasm"], args: [], env: [], cwd: "/", user: { uid: 0, gid: 0 } }),
  workload: "probe",
  owner: "tests",
  signals: ["TERM"],
  memoryBytes: 64 << 20,
  threads: 4,
  product: { id: 1, svn: 2 },
};

/** The files of a TEE image whose application is one program, signed with a key of its own. */
export async function teeImage(
  program: Uint8Array,
  change: Partial<EnclaveManifest>,
): Promise<Readonly<Record<string, Uint8Array>>> {
  const manifest = { ...MANIFEST, ...change };
  const entry = { mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 0 } as const;
  const appImage = await buildAppImage([
    { ...entry, path: "/", type: "directory", sizeBytes: 0, read: () => Promise.resolve(new Uint8Array()) },
    {
      ...entry,
      path: "/app.wasm",
      type: "file",
      sizeBytes: program.length,
      read: () => Promise.resolve(program),
    },
  ]);
  const bytes = encodeManifest(manifest);
  const payload = join(BIN, "..", "lib", "inclavare", "payload");
  const { mrEnclave } = createMeasurer(payload).measure({ manifest: bytes, appImage });
  const sigstruct = createSigstruct(enclaveSigningFields(manifest, mrEnclave, FIXED_EPOCH), generateSigningKey());
  return {
    [join(ENCLAVE_DIRECTORY, MANIFEST_FILE)]: bytes,
    [join(ENCLAVE_DIRECTORY, APP_IMAGE_FILE)]: appImage,
    [join(ENCLAVE_DIRECTORY, SIGSTRUCT_FILE)]: sigstruct,
  };
}
