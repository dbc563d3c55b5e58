import { closeSync, constants, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { noTerminal } from "./errors.ts";
import type { IoContext, ProcessIo, StdioRequest } from "./io.ts";
import { createPipeIo } from "./pipes.ts";

/** `file:///path`: both outputs are appended to one file, by the process itself. */
export function createFileIo(request: StdioRequest, context: IoContext): ProcessIo {
  if (request.terminal) throw noTerminal("file");
  const path = decodeURIComponent(new URL(request.stdout).pathname);
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND, 0o644);
  try {
    const input = createPipeIo({ ...request, stdout: "", stderr: "" }, context);
    let isOpen = true;
    const close = (): void => {
      if (isOpen) closeSync(file);
      isOpen = false;
    };
    return {
      ...input,
      descriptors: [input.descriptors[0], file, file],
      start() {
        close();
        input.start();
      },
      async close() {
        close();
        await input.close();
      },
    };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}
