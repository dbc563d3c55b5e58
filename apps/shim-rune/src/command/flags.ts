import { InclavareError } from "@inclavare/errors";

/** The command line of a shim, in the syntax of Go's `flag` package. */
export interface ShimFlags {
  readonly namespace: string;
  /** containerd's gRPC socket. */
  readonly address: string;
  readonly id: string;
  readonly bundle: string;
  /** Where to listen, instead of at descriptor 3. */
  readonly socket: string;
  readonly debug: boolean;
  readonly version: boolean;
  readonly info: boolean;
  readonly help: boolean;
  /** `start` or `delete`; empty: be the daemon. */
  readonly action: string;
}

const TEXT_FLAGS = ["namespace", "address", "publish-binary", "id", "bundle", "socket", "debug-socket"];
const SWITCHES: Readonly<Record<string, string>> = {
  debug: "debug",
  v: "version",
  version: "version",
  info: "info",
  h: "help",
  help: "help",
};
const TRUE = ["1", "t", "T", "true", "TRUE", "True"];
const FALSE = ["0", "f", "F", "false", "FALSE", "False"];

/** `-name value`, `-name=value`, `--name`; the first other word is the action, and flags end there. @throws ERR_USAGE */
export function parseFlags(argv: readonly string[]): ShimFlags {
  const texts = new Map<string, string>();
  const switches = new Set<string>();
  const words = [...argv];
  for (let word = words[0]; word !== undefined && isFlag(word); word = words[0]) {
    words.shift();
    if (word === "--") break;
    const [, name = "", value] = /^--?([^=]+)(?:=(.*))?$/su.exec(word) ?? [];
    const known = SWITCHES[name];
    if (known !== undefined && Object.hasOwn(SWITCHES, name)) {
      if (parseSwitch(name, value)) switches.add(known);
      else switches.delete(known);
    } else if (TEXT_FLAGS.includes(name)) {
      const text = value ?? words.shift();
      if (text === undefined) throw usage(`flag needs an argument: -${name}`);
      texts.set(name, text);
    } else throw usage(`flag provided but not defined: ${word}`);
  }
  return {
    namespace: texts.get("namespace") ?? "",
    address: texts.get("address") ?? "",
    id: texts.get("id") ?? "",
    bundle: texts.get("bundle") ?? "",
    socket: texts.get("socket") ?? "",
    debug: switches.has("debug"),
    version: switches.has("version"),
    info: switches.has("info"),
    help: switches.has("help"),
    action: words[0] ?? "",
  };
}

function isFlag(word: string): boolean {
  return word.startsWith("-") && word !== "-";
}

function parseSwitch(name: string, value: string | undefined): boolean {
  if (value === undefined || TRUE.includes(value)) return true;
  if (FALSE.includes(value)) return false;
  throw usage(`invalid boolean value "${value}" for -${name}`);
}

function usage(message: string): InclavareError {
  return new InclavareError("ERR_USAGE", message);
}
