export {
  closeQuietly,
  createEventfd,
  createMemfd,
  createPipe,
  duplicateDescriptor,
  isTerminal,
  type Pipe,
  pollDescriptors,
  type PollRequest,
  type PollResult,
  replaceDescriptor,
  sealMemfd,
  setCloseOnExec,
  setNonBlocking,
  setTerminalSize,
  signalEventfd,
  splice,
  watchReadable,
  watchWritable,
} from "./descriptors.ts";
export { returnMemory } from "./memory.ts";
export {
  encodeMessage,
  type JsonObject,
  MessageDecoder,
  parseAnswer,
  readMessageSync,
  requestSync,
  writeMessageSync,
} from "./messages.ts";
export { mount, MOUNT_FLAGS, type MountRequest, unmount } from "./mounts.ts";
export { loadNative, type NativeLibrary } from "./native.ts";
export {
  createCoreScheduling,
  exitImmediately,
  onProcessEnd,
  onProcessExit,
  pidfdOpen,
  pidfdSendSignal,
  type ProcessExit,
  processExists,
  reapExitedChildren,
  setChildSubreaper,
  setDumpable,
  setParentDeathSignal,
  setProcessName,
  waitChild,
  waitPidfd,
} from "./processes.ts";
export { type FileLock, tryLockFile, unlockFile } from "./locks.ts";
export { fillRandom } from "./random.ts";
export { ALL_CATCHABLE_SIGNALS, ignoreSignals, signalName, signalNumber } from "./signals.ts";
export {
  acceptUnix,
  connectUnix,
  listenUnix,
  peerCredentials,
  type PeerCredentials,
  type Received,
  receiveWithDescriptors,
  sendWithDescriptors,
  waitReadable,
} from "./sockets.ts";
