import { channel } from "node:diagnostics_channel";
import { returnMemory } from "@inclavare/linux";

/** From the last change to the calm after it: a pod is set up in a few seconds, and then lives for days. */
const CALM_MS = 3_000;

/**
 * Gives back what changes leave behind, garbage and compiled code, once no more of them come. A change is whatever starts a
 * process, since containers are made and removed by the low-level runtime; what only asks for state or statistics is none.
 */
export function giveBackMemory(): { close(): void } {
  let timer: NodeJS.Timeout | undefined;
  const changed = (): void => {
    clearTimeout(timer);
    timer = setTimeout(returnMemory, CALM_MS).unref();
  };
  channel("child_process").subscribe(changed);
  changed(); // what start-up has left
  return {
    close() {
      channel("child_process").unsubscribe(changed);
      clearTimeout(timer);
    },
  };
}
