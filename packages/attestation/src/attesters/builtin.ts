import { access, constants } from "node:fs/promises";
import { AESM_SOCKET, type AesmOptions, createAesmQuoter } from "./aesm/quoter.ts";
import { type GramineOptions, openGramineQuoter, whyNoGramine } from "./gramine.ts";
import { type AttesterPlugin, AttesterRegistry } from "./registry.ts";
import { simulatedPlugin } from "./simulated.ts";
import { openTsmQuoter, type TsmOptions, whyNoTsm } from "./tsm/quoter.ts";

const aesmPlugin: AttesterPlugin<"aesm", AesmOptions> = {
  name: "aesm",
  summary: "SGX: Intel's aesmd, over reports of an enclave that chose their report data",
  probe: async ({ socketPath = AESM_SOCKET }) => {
    const found = access(socketPath, constants.R_OK | constants.W_OK);
    return await found.then(
      () => undefined,
      () => `${socketPath} is not there, or not for us: is aesmd running?`,
    );
  },
  open: async (options) => await Promise.resolve(createAesmQuoter(options)),
};

const tsmPlugin: AttesterPlugin<"tsm", TsmOptions> = {
  name: "tsm",
  summary: "TDX, SEV-SNP, CCA: configfs-tsm of the guest's kernel",
  probe: whyNoTsm,
  open: openTsmQuoter,
};

const graminePlugin: AttesterPlugin<"gramine", GramineOptions> = {
  name: "gramine",
  summary: "SGX: /dev/attestation, inside an enclave of Gramine",
  probe: async ({ directory }) => await whyNoGramine(directory),
  open: openGramineQuoter,
};

/** Ours; others join by `with`. */
export const builtinAttesters = AttesterRegistry.empty
  .with(aesmPlugin)
  .with(tsmPlugin)
  .with(graminePlugin)
  .with(simulatedPlugin);
