/**
 * The enclave manifest: what runs in the enclave, and what may reach it from outside. It is measured, so whoever knows
 * the measurement knows all of this. Described in docs/enclave-manifest.md, with a JSON schema in `schema/`.
 */
export interface EnclaveManifest {
  readonly version: 1;
  /** The enclave runtime that loads the application. */
  readonly runtime: "wasm";
  /** The workload's name: what a verifier asks for. */
  readonly workload: string;
  /** Whose it is, so that two tenants' copies of one image have different measurements; may be empty. */
  readonly owner: string;
  /** The program as an absolute path in the image, then arguments that always come first. */
  readonly entrypoint: readonly string[];
  /** What follows the entrypoint: fixed here, or whatever the caller says. */
  readonly args: { readonly fixed: readonly string[] } | { readonly fromOutside: true };
  readonly cwd: string;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly env: {
    /** Variables that the application always has; another value from outside is refused. */
    readonly fixed: Readonly<Record<string, string>>;
    /** Names that the caller may set; all others from outside are left out. */
    readonly fromOutside: readonly string[];
  };
  readonly mounts: {
    /** Empty writable directories in the enclave's memory. */
    readonly memory: readonly string[];
    /** Paths at which the host may mount something; always empty for the runtime `wasm`, which shows none. */
    readonly fromOutside: readonly string[];
  };
  /** Files that the host may supply, such as /etc/resolv.conf; always empty for the runtime `wasm`. */
  readonly hostFiles: readonly string[];
  /** Files that the application gets from an accepted verifier; it starts when all have arrived. */
  readonly secrets: readonly { readonly name: string; readonly path: string }[];
  /** SHA-256 of the SubjectPublicKeyInfo, in lower-case hex, of each key from which secrets are taken. */
  readonly verifiers: readonly string[];
  /** Whether further processes, with any program of the image, may be started from outside. */
  readonly exec: boolean;
  /** Whether lifecycle hooks of the caller are run. */
  readonly hooks: boolean;
  /** Whether the application reads what comes in on its standard input. */
  readonly stdin: boolean;
  /** Names of the signals that get through, such as `TERM`; KILL always does. */
  readonly signals: readonly string[];
  /** Bound on what the application's processes use together. */
  readonly memoryBytes: number;
  /** How many processes can run in the enclave at once; each has a TCS. */
  readonly threads: number;
  /** A debug enclave: its memory can be read from outside, and no default policy accepts it. */
  readonly debug: boolean;
  /** ISVPRODID and ISVSVN of the SIGSTRUCT. */
  readonly product: { readonly id: number; readonly svn: number };
  /** Always empty: the runtime `wasm` has no resource limits but memory and threads. */
  readonly rlimits: readonly never[];
}
