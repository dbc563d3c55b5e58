const CONTEXT_LINES = 3;

/**
 * The difference of two texts in unified form, as one hunk from the first line that differs to the last one.
 * Undefined is a file that is not there. @returns an empty text where nothing differs
 */
export function formatDiff(path: string, before: string | undefined, after: string | undefined): string {
  if (before === after) return "";
  const [old, new_] = [linesOf(before), linesOf(after)];
  const shorter = Math.min(old.length, new_.length);
  let head = 0;
  while (head < shorter && old[head] === new_[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && old.at(-1 - tail) === new_.at(-1 - tail)) tail += 1;
  const start = Math.max(0, head - CONTEXT_LINES);
  const shownTail = Math.min(tail, CONTEXT_LINES);
  const count = (lines: readonly string[]): number => lines.length - tail + shownTail - start;
  return [
    `--- ${before === undefined ? "/dev/null" : path}\n`,
    `+++ ${after === undefined ? "/dev/null" : path}\n`,
    `@@ -${range(start, count(old))} +${range(start, count(new_))} @@\n`,
    ...mark(" ", old.slice(start, head)),
    ...mark("-", old.slice(head, old.length - tail)),
    ...mark("+", new_.slice(head, new_.length - tail)),
    ...mark(" ", old.slice(old.length - tail, old.length - tail + shownTail)),
  ].join("");
}

function linesOf(text: string | undefined): string[] {
  return text?.match(/[^\n]*\n|[^\n]+$/gu) ?? [];
}

function range(start: number, count: number): string {
  return `${count === 0 ? start : start + 1},${count}`;
}

function mark(sign: string, lines: readonly string[]): string[] {
  return lines.map((line) => `${sign}${line}${line.endsWith("\n") ? "" : "\n\\ No newline at end of file\n"}`);
}
