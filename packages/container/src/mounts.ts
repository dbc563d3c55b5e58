/** Where the runtime payload lies in the container: below the container's own /dev, so that nothing is left in its root. */
export const PAYLOAD_MOUNT = "/dev/inclavare/payload";
/** Where enclave manifest, application image and SIGSTRUCT lie in the container. */
export const ENCLAVE_MOUNT = "/dev/inclavare/enclave";
/** Where a PAL library and what it needs lie in the container. */
export const LIBRARY_MOUNT = "/dev/inclavare/pal";
