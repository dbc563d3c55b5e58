import { bool, bytes, message, repeated, text, uint32 } from "@inclavare/ttrpc";

/** containerd.runc.v1.Options; numbers 8, 12 and 13 mean nothing to us. */
export const runcOptions = message({
  noPivotRoot: bool(1),
  noNewKeyring: bool(2),
  shimCgroup: text(3),
  ioUid: uint32(4),
  ioGid: uint32(5),
  binaryName: text(6),
  root: text(7),
  systemdCgroup: bool(9),
  criuImagePath: text(10),
  criuWorkPath: text(11),
});

/** runtimeoptions.v1.Options: what CRI and dockerd send for a runtime that they do not know. */
export const runtimeOptions = message({ typeUrl: text(1), configPath: text(2), configBody: bytes(3) });

/** containerd.runc.v1.CheckpointOptions */
export const checkpointOptions = message({
  exit: bool(1),
  openTcp: bool(2),
  externalUnixSockets: bool(3),
  terminal: bool(4),
  fileLocks: bool(5),
  emptyNamespaces: repeated(text(6)),
  cgroupsMode: text(7),
  imagePath: text(8),
  workPath: text(9),
});

/** containerd.runc.v1.ProcessDetails */
export const processDetails = message({ execId: text(1) });
