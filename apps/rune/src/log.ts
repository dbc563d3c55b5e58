import { openSync, writeFileSync } from "node:fs";
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
  /** The file once it is open; null when it cannot be. */
  #descriptor: number | null | undefined;

  constructor(options: LogOptions) {
    this.#options = options;
  }

  /**
   * Makes the file, so that a caller finds one whatever happens. One that cannot be made must not keep the command from
   * its work: a warning on standard error says why, and what belongs into the file goes there as well.
   */
  open(): void {
    this.#file();
  }

  write(entry: LogEntry): void {
    const line = this.#format(entry);
    const descriptor = this.#file();
    if (descriptor === undefined || !append(descriptor, line)) this.#say(line);
  }

  /** Writes an error to the log first and then, unless somebody has done it, to standard error. */
  fail(error: unknown): void {
    const { stderr } = this.#options;
    const said = toInclavareError(error).details["printed"] === true;
    const entry = { level: "error", msg: formatOneLine(error) };
    if (this.#file() !== undefined) {
      this.write(entry);
      if (!said) this.#say(`${formatOneLine(error)}\n`);
    } else if (stderr.isTTY === true) this.#say(`rune: ${formatForPerson(error)}\n`);
    else if (!said) this.write(entry);
  }

  #file(): number | undefined {
    const { file } = this.#options;
    if (this.#descriptor === undefined && file !== undefined) {
      try {
        this.#descriptor = openSync(file, "a", 0o644);
      } catch (error) {
        this.#descriptor = null;
        const why = error instanceof Error ? error.message : String(error);
        this.#say(this.#format({ level: "warning", msg: `cannot write the log ${file}: ${why}` }));
      }
    }
    return this.#descriptor ?? undefined;
  }

  #format(entry: LogEntry): string {
    const { format, now } = this.#options;
    const time = now()
      .toISOString()
      .replace(/\.\d+Z$/u, "Z");
    return formatEntry({ time, ...entry }, format);
  }

  #say(text: string): void {
    this.#options.stderr.write(text);
  }
}

/** A full disk must not make a failure of its own. @returns whether the line is in the file */
function append(descriptor: number, line: string): boolean {
  try {
    writeFileSync(descriptor, line);
    return true;
  } catch {
    return false;
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
