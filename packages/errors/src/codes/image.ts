import type { CodeEntry } from "../kinds.ts";

export const imageCodes = {
  ERR_MANIFEST: { kind: "invalid-argument", summary: "An enclave manifest breaks a rule of its schema." },
  ERR_MANIFEST_FORBIDS: {
    kind: "permission-denied",
    summary: "Something that came from outside is not what the enclave manifest allows; the message names the member.",
  },
  ERR_APP_IMAGE: { kind: "invalid-argument", summary: "An application image (app.img) is malformed." },
  ERR_IMAGE_LIMIT: {
    kind: "resource-exhausted",
    summary: "An application or enclave is larger, or has more files, than a TEE image can hold.",
  },
  ERR_IMAGE_ENTRYPOINT: {
    kind: "not-found",
    summary: "An image names no program to run, or one that is not among its files.",
  },
  ERR_IMAGE_ESCAPE: {
    kind: "invalid-argument",
    summary: "The name of an image's program, or a link on the way to it, leads out of the image.",
  },
  ERR_IMAGE_NOT_WASM: {
    kind: "failed-precondition",
    summary: "An image's program is not a WASI command as a core WebAssembly module; the message says what it is.",
  },
  ERR_IMAGE_IS_TEE: {
    kind: "failed-precondition",
    summary: "An image is a TEE image already, where an ordinary one is expected.",
  },
  ERR_IMAGE_NOT_TEE: {
    kind: "failed-precondition",
    summary: "An image or directory is not a TEE image, or one that is damaged.",
  },
  ERR_IMAGE_UNSIGNED: { kind: "failed-precondition", summary: "A TEE image has no signature yet." },
  ERR_IMAGE_CHANGED: {
    kind: "unavailable",
    summary: "The files of an image changed while an enclave was made of them.",
  },
  ERR_OUTPUT_EXISTS: {
    kind: "already-exists",
    summary: "A file that was to be written exists already; it was not touched.",
  },
  ERR_PAYLOAD_ALTERED: {
    kind: "data-loss",
    summary: "The payload of init-runelet is not what its index says: files differ, are missing, or were added.",
  },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
