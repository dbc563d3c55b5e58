import { appendFileSync } from "node:fs";
import { formatForPerson, formatOneLine, toInclavareError } from "@inclavare/errors";

/** A line of the log, with logrus's names. */
export interface LogEntry {
  readonly level: string;
  readonly msg: string;
  readonly time?: string;
}

export interface LogOptions {
  /** `--log`; left out: standard error. */
  readonly file: string | undefined;
  readonly format: "text" | "json";
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly now: () => Date;
}

/** What a caller reads: containerd shows the last `error` of a JSON log, people read standard error. */
export class Log {
  readonly #options: LogOptions;

  constructor(options: LogOptions) {
    this.#options = options;
  }

  write(entry: LogEntry): void {
    const { file, format, now } = this.#options;
    const time =
      entry.time ??
      now()
        .toISOString()
        .replace(/\.\d+Z$/u, "Z");
    const line = formatEntry({ ...entry, time }, format);
    if (file === undefined) this.#say(line);
    else this.#append(file, line);
  }

  /** Writes an error to the log first and then, unless somebody has done it, to standard error. */
  fail(error: unknown): void {
    const { file, stderr } = this.#options;
    const said = toInclavareError(error).details["printed"] === true;
    const entry = { level: "error", msg: formatOneLine(error) };
    if (file !== undefined) {
      this.write(entry);
      if (!said) this.#say(`${formatOneLine(error)}\n`);
    } else if (stderr.isTTY === true) this.#say(`rune: ${formatForPerson(error)}\n`);
    else if (!said) this.write(entry);
  }

  /** A log that cannot be written must not keep the command from its work; who looks for it learns why on stderr. */
  #append(file: string, line: string): void {
    try {
      appendFileSync(file, line, { mode: 0o644 });
    } catch (error) {
      this.#say(`rune: cannot write the log: ${error instanceof Error ? error.message : String(error)}\n${line}`);
    }
  }

  #say(text: string): void {
    this.#options.stderr.write(text);
  }
}

/** One line as logrus writes it. */
export function formatEntry({ level, msg, time = "" }: LogEntry, format: "text" | "json"): string {
  if (format === "json") return `${JSON.stringify({ level, msg, time })}\n`;
  return `time=${JSON.stringify(time)} level=${level} msg=${quote(msg)}\n`;
}

/** logfmt: plain where that is unambiguous. */
function quote(text: string): string {
  return /^[\w\-./@^+]+$/u.test(text) ? text : JSON.stringify(text);
}
