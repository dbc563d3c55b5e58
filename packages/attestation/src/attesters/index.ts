/** Attesters: what makes evidence on a machine that has a TEE. Apart from the verifiers, which need no machine. */
export { type AesmOptions, createAesmQuoter, type EnclaveReporter } from "./aesm/quoter.ts";
export { builtinAttesters } from "./builtin.ts";
export { type GramineOptions, openGramineQuoter } from "./gramine.ts";
export { type Quoter } from "./quoter.ts";
export { type AttesterPlugin, AttesterRegistry } from "./registry.ts";
export type { TsmFiles } from "./tsm/files.ts";
export { openTsmQuoter, type TsmOptions } from "./tsm/quoter.ts";
