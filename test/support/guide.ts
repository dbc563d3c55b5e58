/** A piece of a guide: commands that are run, and what they print where the guide says so. */
export interface GuideStep {
  /** Of the first command, in the file. */
  readonly line: number;
  readonly commands: string;
  readonly output: RegExp | undefined;
}

const FENCE = /^```(\w*)$/u;

/**
 * The steps of a guide: each block marked `sh` is one, and a `text` block right after it is its output, in which `…` stands
 * for anything. Other blocks are for reading only.
 * @throws Error for a `text` block that belongs to no step
 */
export function parseGuide(markdown: string): GuideStep[] {
  const steps: GuideStep[] = [];
  let open: { readonly language: string; readonly line: number; readonly text: string[] } | undefined;
  let last = "";
  for (const [index, line] of markdown.split("\n").entries()) {
    const language = FENCE.exec(line)?.[1];
    if (open === undefined) {
      if (language !== undefined) open = { language, line: index + 2, text: [] };
      else if (line !== "") last = "";
      continue;
    }
    if (language !== "") {
      open.text.push(line);
      continue;
    }
    const text = open.text.join("\n");
    const step = steps.at(-1);
    if (open.language === "sh") steps.push({ line: open.line, commands: text, output: undefined });
    else if (open.language === "text") {
      if (step === undefined || last !== "sh") throw new Error(`line ${open.line} is the output of nothing`);
      steps.splice(-1, 1, { ...step, output: outputPattern(text) });
    }
    last = open.language;
    open = undefined;
  }
  return steps;
}

function outputPattern(text: string): RegExp {
  const literal = text.replaceAll(/[\\^$.*+?()[\]{}|]/gu, String.raw`\$&`);
  return new RegExp(`^${literal.replaceAll("…", "[^]*")}$`, "u");
}
