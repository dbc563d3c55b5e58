/** By which containerd finds the shim. */
export const RUNTIME_TYPE = "io.containerd.rune.v2";
/** What it looks for then, in the PATH of its service. */
export const SHIM = "containerd-shim-rune-v2";
/** Where systemd's services look for programs. */
export const SERVICE_PATH: readonly string[] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"];
