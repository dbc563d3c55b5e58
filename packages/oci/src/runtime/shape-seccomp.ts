import { all, integer, listOf, oneOf, optional, record, required, text, textLike, type Shape } from "../json/shape.ts";
import { uint32, uint64 } from "./shape-values.ts";
import type { SpecSeccomp, SpecSyscall, SpecSyscallArgument } from "./spec-linux.ts";

const NOTIFY = "SCMP_ACT_NOTIFY";
const ACTIONS = [
  "SCMP_ACT_KILL",
  "SCMP_ACT_KILL_PROCESS",
  "SCMP_ACT_KILL_THREAD",
  "SCMP_ACT_TRAP",
  "SCMP_ACT_ERRNO",
  "SCMP_ACT_TRACE",
  "SCMP_ACT_ALLOW",
  "SCMP_ACT_LOG",
  NOTIFY,
];
const OPERATORS = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"].map((name) => `SCMP_CMP_${name}`);
const FLAGS = ["TSYNC", "LOG", "SPEC_ALLOW", "WAIT_KILLABLE_RECV"].map((name) => `SECCOMP_FILTER_FLAG_${name}`);
/** New ones come with every kernel; libseccomp knows which there are. */
const architecture = textLike(/^SCMP_ARCH_[A-Z0-9_]+$/u, "a name such as SCMP_ARCH_X86_64");

const syscall: Shape<SpecSyscall> = all(
  record<SpecSyscall>({
    names: required(listOf(textLike(/./su, "a system call's name"))),
    action: required(oneOf(ACTIONS)),
    errnoRet: optional(uint32),
    args: optional(
      listOf(
        record<SpecSyscallArgument>({
          index: required(integer(0, 5)),
          value: required(uint64),
          valueTwo: optional(uint64),
          op: required(oneOf(OPERATORS)),
        }),
      ),
    ),
  }),
  ({ names, action, errnoRet }, at, faults) => {
    if (names.length === 0) faults.add(`${at}.names`, "expected at least one system call");
    if (errnoRet !== undefined && action !== "SCMP_ACT_ERRNO" && action !== "SCMP_ACT_TRACE")
      faults.add(`${at}.errnoRet`, `expected only with SCMP_ACT_ERRNO or SCMP_ACT_TRACE, got it with ${action}`);
  },
);

export const seccomp: Shape<SpecSeccomp> = all(
  record<SpecSeccomp>({
    defaultAction: required(oneOf(ACTIONS)),
    defaultErrnoRet: optional(uint32),
    architectures: optional(listOf(architecture)),
    flags: optional(listOf(oneOf(FLAGS))),
    listenerPath: optional(text),
    listenerMetadata: optional(text),
    syscalls: optional(listOf(syscall)),
  }),
  ({ defaultAction, listenerPath, syscalls = [] }, at, faults) => {
    if (defaultAction === NOTIFY) faults.add(`${at}.defaultAction`, `expected an action other than ${NOTIFY}`);
    if (syscalls.some(({ action }) => action === NOTIFY) && (listenerPath ?? "") === "")
      faults.add(`${at}.listenerPath`, `required with ${NOTIFY}, got nothing`);
  },
);
