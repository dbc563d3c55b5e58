import type { CodeEntry } from "../kinds.ts";

export const ociCodes = {
  ERR_OCI_SPEC: { kind: "invalid-argument", summary: "A config.json breaks a rule of the OCI runtime specification." },
  ERR_OCI_BUNDLE: {
    kind: "invalid-argument",
    summary: "A bundle directory has no config.json, or its root file system is not there.",
  },
  ERR_OCI_CONTAINER_ID: {
    kind: "invalid-argument",
    summary: "A container id is empty, too long, or has characters other than letters, digits and _ + - .",
  },
  ERR_OCI_IMAGE: {
    kind: "invalid-argument",
    summary: "An image is in no form that is known, or its index, manifest or configuration is malformed.",
  },
  ERR_OCI_REFERENCE: { kind: "not-found", summary: "An image holds nothing under the reference that was asked for." },
  ERR_OCI_PLATFORM: { kind: "not-found", summary: "An image is not there for the platform that was asked for." },
  ERR_OCI_AMBIGUOUS: {
    kind: "failed-precondition",
    summary: "Several images fit; name one by its reference or platform. The details list them.",
  },
  ERR_OCI_BLOB_MISSING: { kind: "not-found", summary: "A blob that an index or manifest names is not in the image." },
  ERR_OCI_DIGEST: {
    kind: "data-loss",
    summary: "The bytes of a blob or layer are not those that its digest or size promises.",
  },
  ERR_OCI_MEDIA_TYPE: {
    kind: "not-implemented",
    summary: "A blob has a media type that is not a container image's, or contents of another kind than it says.",
  },
  ERR_OCI_ENCRYPTED: {
    kind: "not-implemented",
    summary: "A layer is encrypted; it can be opened only where its key is.",
  },
  ERR_OCI_LIMIT: {
    kind: "resource-exhausted",
    summary: "An image exceeds a limit: bytes, files, or the length of a path or of metadata.",
  },
  ERR_OCI_LAYER: { kind: "invalid-argument", summary: "A layer is no sound (compressed) tar archive." },
  ERR_OCI_LAYER_UNSUPPORTED: {
    kind: "not-implemented",
    summary: "A layer has an entry of a kind that is not supported, such as a sparse file.",
  },
  ERR_OCI_LAYER_PATH: {
    kind: "invalid-argument",
    summary:
      "An entry of a layer tries to leave the image, writes through a symbolic link, or links to what is not there.",
  },
  ERR_OCI_USER: { kind: "not-found", summary: "An image's user or group is not in its /etc/passwd or /etc/group." },
  ERR_OCI_TARGET_EXISTS: {
    kind: "already-exists",
    summary: "The directory to write to exists and is not empty; nothing of it was touched.",
  },
  ERR_OCI_EXTRACT: {
    kind: "not-implemented",
    summary: "A tree has device nodes, pipes or extended attributes, which cannot be written to this directory.",
  },
  ERR_OCI_CLOSED: { kind: "failed-precondition", summary: "An image or a tree of files was used after it was closed." },
} as const satisfies Record<`ERR_${string}`, CodeEntry>;
