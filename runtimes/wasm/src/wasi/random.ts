import type { Host, HostFunction } from "./host.ts";

export function random({ memory, random }: Host): Record<string, HostFunction> {
  return {
    random_get(buffer: number, sizeBytes: number) {
      random(memory.bytes(buffer, sizeBytes));
    },
  };
}
