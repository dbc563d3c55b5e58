import { execFileSync } from "node:child_process";

/** System calls that Docker's default profile withholds from a container without further capabilities. */
const WITHHELD = new Set(
  (
    "acct add_key bpf clock_adjtime clock_settime clone clone3 create_module delete_module finit_module fsconfig fsmount " +
    "fsopen fspick get_kernel_syms get_mempolicy init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl " +
    "kcmp kexec_file_load kexec_load keyctl lookup_dcookie mbind mount mount_setattr move_mount move_pages nfsservctl " +
    "open_by_handle_at open_tree perf_event_open personality pivot_root process_vm_readv process_vm_writev query_module " +
    "quotactl quotactl_fd reboot request_key set_mempolicy sethostname setdomainname setns settimeofday stime swapoff " +
    "swapon sysfs _sysctl syslog umount2 unshare uselib userfaultfd ustat vhangup vm86 vm86old"
  ).split(" "),
);
/** CLONE_NEW*: namespaces are not for the container to make. */
const CLONE_NAMESPACES = 0x7e02_0000;
const ENOSYS = 38;

/** A filter of the shape of Docker's default: an errno for everything, then what is allowed, some calls by argument. */
export function dockerSeccomp(): object {
  const header = execFileSync("cc", ["-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"], {
    encoding: "utf8",
  });
  const names = [...header.matchAll(/^#define __NR_(\w+) /gmu)].map(([, name = ""]) => name);
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    architectures:
      process.arch === "x64" ? ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"] : ["SCMP_ARCH_AARCH64"],
    syscalls: [
      { names: names.filter((name) => !WITHHELD.has(name)), action: "SCMP_ACT_ALLOW" },
      {
        names: ["clone"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, value: CLONE_NAMESPACES, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
      },
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS },
      ...[0x0, 0x0008, 0xffff_ffff].map((value) => ({
        names: ["personality"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
      })),
    ],
  };
}
