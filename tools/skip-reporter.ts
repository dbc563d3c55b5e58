/** A reporter for node's test runner that lists every skipped test with its reason, and nothing else. */
import type { TestEvent } from "node:test/reporters";

export default async function* reportSkips(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const reasons = new Map<string, string[]>();
  for await (const event of source) {
    if (event.type !== "test:pass" || event.data.skip === undefined || event.data.skip === false) continue;
    const reason = typeof event.data.skip === "string" ? event.data.skip : "no reason given";
    reasons.set(reason, [...(reasons.get(reason) ?? []), event.data.name]);
  }
  if (reasons.size === 0) yield "skipped tests: none\n";
  for (const [reason, names] of reasons) yield `skipped (${reason}): ${names.join("; ")}\n`;
}
