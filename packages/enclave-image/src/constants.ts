/** The folder in a TEE image's root file system that holds everything of the enclave. */
export const ENCLAVE_DIRECTORY = ".enclave";
/** The enclave manifest, in {@link ENCLAVE_DIRECTORY}. */
export const MANIFEST_FILE = "enclave.json";
/** The application image, in {@link ENCLAVE_DIRECTORY}. */
export const APP_IMAGE_FILE = "app.img";
/** The SIGSTRUCT of 1808 bytes, in {@link ENCLAVE_DIRECTORY}; missing while the image is not signed. */
export const SIGSTRUCT_FILE = "sigstruct.bin";

/** The index of the runtime payload, in the payload's own folder. */
export const PAYLOAD_INDEX_FILE = "payload.json";

/** The largest enclave manifest that is read, in bytes. */
export const MANIFEST_LIMIT_BYTES = 1 << 20;
/** The largest application image, in bytes: what one read of Linux gives at most, in whole pages. */
export const APP_IMAGE_LIMIT_BYTES = 2 ** 31 - 4096;
