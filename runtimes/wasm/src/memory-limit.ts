import { setFlagsFromString } from "node:v8";
import { InclavareError } from "@inclavare/errors";

export const PAGE_BYTES = 65536;
/** 4 GiB: what 32-bit addresses reach. */
const MAX_PAGES = 65536;

let inForce: { readonly pages: number; holders: number } | undefined;

/**
 * Bounds every WebAssembly memory of this operating-system process, also those that exist already: V8 asks the limit at
 * each `memory.grow`, which then fails in the guest as it does when memory runs out.
 *
 * There is no hook per memory or per worker (`resourceLimits` covers the JavaScript heap only), so two limits cannot be
 * in force at a time.
 *
 * @returns gives the limit up; the last holder lifts it.
 * @throws ERR_WASM_MEMORY for less than a page, or while another limit is in force
 */
export function holdMemoryLimit(limitBytes: number): Disposable {
  const pages = Math.min(Math.floor(limitBytes / PAGE_BYTES), MAX_PAGES);
  if (!(pages >= 1)) {
    throw new InclavareError("ERR_WASM_MEMORY", `memory limit is ${limitBytes} bytes, expected at least ${PAGE_BYTES}`);
  }
  if (inForce !== undefined && inForce.pages !== pages) {
    const message = `memory limit of ${pages} pages, but one of ${inForce.pages} is in force in this process`;
    throw new InclavareError("ERR_WASM_MEMORY", message);
  }
  inForce ??= { pages, holders: 0 };
  inForce.holders += 1;
  setFlagsFromString(`--wasm-max-mem-pages=${pages}`);
  let isHeld = true;
  return {
    [Symbol.dispose]() {
      if (!isHeld || inForce === undefined) return;
      isHeld = false;
      inForce.holders -= 1;
      if (inForce.holders > 0) return;
      inForce = undefined;
      setFlagsFromString(`--wasm-max-mem-pages=${MAX_PAGES}`);
    },
  };
}
