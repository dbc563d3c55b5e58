/**
 * Error numbers of WASI preview 1.
 * @see WASI preview1 witx, `typenames.witx`, type `errno`: the position in the list is the number.
 */
const NAMES = [
  "SUCCESS",
  "2BIG",
  "ACCES",
  "ADDRINUSE",
  "ADDRNOTAVAIL",
  "AFNOSUPPORT",
  "AGAIN",
  "ALREADY",
  "BADF",
  "BADMSG",
  "BUSY",
  "CANCELED",
  "CHILD",
  "CONNABORTED",
  "CONNREFUSED",
  "CONNRESET",
  "DEADLK",
  "DESTADDRREQ",
  "DOM",
  "DQUOT",
  "EXIST",
  "FAULT",
  "FBIG",
  "HOSTUNREACH",
  "IDRM",
  "ILSEQ",
  "INPROGRESS",
  "INTR",
  "INVAL",
  "IO",
  "ISCONN",
  "ISDIR",
  "LOOP",
  "MFILE",
  "MLINK",
  "MSGSIZE",
  "MULTIHOP",
  "NAMETOOLONG",
  "NETDOWN",
  "NETRESET",
  "NETUNREACH",
  "NFILE",
  "NOBUFS",
  "NODEV",
  "NOENT",
  "NOEXEC",
  "NOLCK",
  "NOLINK",
  "NOMEM",
  "NOMSG",
  "NOPROTOOPT",
  "NOSPC",
  "NOSYS",
  "NOTCONN",
  "NOTDIR",
  "NOTEMPTY",
  "NOTRECOVERABLE",
  "NOTSOCK",
  "NOTSUP",
  "NOTTY",
  "NXIO",
  "OVERFLOW",
  "OWNERDEAD",
  "PERM",
  "PIPE",
  "PROTO",
  "PROTONOSUPPORT",
  "PROTOTYPE",
  "RANGE",
  "ROFS",
  "SPIPE",
  "SRCH",
  "STALE",
  "TIMEDOUT",
  "TXTBSY",
  "XDEV",
  "NOTCAPABLE",
] as const;

/** A WASI error number by its name in the specification, in capitals and without a prefix. */
export type ErrnoName = (typeof NAMES)[number];

const NUMBERS: ReadonlyMap<string, number> = new Map(NAMES.map((name, index) => [name, index]));

/** The number of a name; 0 is success. */
export function errnoNumber(name: ErrnoName): number {
  return NUMBERS.get(name) ?? 0;
}

/** The name of a number that a host function returned, for tests and messages. */
export function errnoName(number: number): ErrnoName | undefined {
  return NAMES[number];
}

/** A failure that the guest sees as an error number; never leaves the WASI host. */
export class Errno extends Error {
  override readonly name = "Errno";
  readonly errno: ErrnoName;

  constructor(errno: ErrnoName) {
    super(errno);
    this.errno = errno;
  }
}

/** The host's errors that a guest may meet on its standard streams; anything else reads as an input/output error. */
const FROM_HOST: Readonly<Record<string, ErrnoName>> = {
  EAGAIN: "AGAIN",
  EPIPE: "PIPE",
  ENOSPC: "NOSPC",
  EFBIG: "FBIG",
  EDQUOT: "DQUOT",
  EBADF: "BADF",
  EINTR: "INTR",
  EISDIR: "ISDIR",
  ESPIPE: "SPIPE",
  EINVAL: "INVAL",
  ENOTCONN: "NOTCONN",
  ECONNRESET: "CONNRESET",
};

/** What a failed system call on a standard stream means to the guest. */
export function errnoOfHost(thrown: unknown): ErrnoName {
  const code = thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined;
  return (code === undefined ? undefined : FROM_HOST[code]) ?? "IO";
}
