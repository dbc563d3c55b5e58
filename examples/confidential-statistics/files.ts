import {
  errnoToString,
  fd_close,
  fd_read,
  path_open,
  rights,
} from "../../node_modules/@assemblyscript/wasi-shim/assembly/bindings/wasi_snapshot_preview1";

/** The first directory that the enclave's runtime has opened for us: the root of the enclave's file system. */
const ROOT: u32 = 3;
const CHUNK: i32 = 4096;

/** Reads a whole file as UTF-8 text; `path` is absolute. */
export function readText(path: string): string {
  const name = Uint8Array.wrap(String.UTF8.encode(path.substring(1)));
  const result = new ArrayBuffer(8);
  const at = changetype<usize>(result);
  let error = path_open(ROOT, 1, name.dataStart, name.length, 0, rights.FD_READ, 0, 0, at);
  if (error) throw new Error("cannot open " + path + ": " + errnoToString(error));
  const file = load<u32>(at);

  let text = new Uint8Array(0);
  const chunk = new Uint8Array(CHUNK);
  const vector = new ArrayBuffer(8);
  store<u32>(changetype<usize>(vector), <u32>chunk.dataStart);
  store<u32>(changetype<usize>(vector), CHUNK, 4);
  while (true) {
    error = fd_read(file, changetype<usize>(vector), 1, at);
    if (error) throw new Error("cannot read " + path + ": " + errnoToString(error));
    const count = load<u32>(at);
    if (count == 0) break;
    const longer = new Uint8Array(text.length + count);
    longer.set(text);
    longer.set(chunk.subarray(0, count), text.length);
    text = longer;
  }
  fd_close(file);
  return String.UTF8.decode(text.buffer);
}
