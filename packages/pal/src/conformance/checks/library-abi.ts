import { loadNative } from "@inclavare/linux";
import { Calls } from "../../native/calls.ts";
import { openLibrary } from "../../native/library.ts";
import { UNWRITTEN } from "../../native/structures.ts";
import { Arena } from "../../native/arena.ts";
import type { Check } from "../check.ts";
import { expect, expectEqual, NotApplicable } from "../finding.ts";

const PAGE_BYTES = 4096;
/**
 * Two pages, placed so that `pal_exec_args_t` can be read in both layouts: the lower half of the address of the first,
 * which stands at offset 8, is the upper half of the address of the second, as somebody reads it who takes offset 4.
 */
const NATURAL_ADDRESS = 0x2000_0000_1000n;
const PACKED_ADDRESS = 0x1000_0000_2000n;
const LOWER_HALF = 0xffff_ffffn;

/** Memory at an address of its own. */
interface Page {
  read(): number;
  write(value: number): void;
}

function mapPage(address: bigint): Page | undefined {
  const native = loadNative();
  const libc = native.load(null);
  const [readWrite, privateAnonymousFixed] = [3, 0x10_0022];
  const map = libc.func("int64 mmap(int64 address, size_t length, int protection, int flags, int fd, int64 offset)");
  const mapped: unknown = map(address, PAGE_BYTES, readWrite, privateAnonymousFixed, -1, 0);
  if (BigInt(mapped as number) !== address) return undefined;
  const view = new DataView(native.view(address, PAGE_BYTES));
  return { read: () => view.getInt32(0, true), write: (value) => view.setInt32(0, value, true) };
}

export const libraryAbiChecks: readonly Check[] = [
  {
    name: "structure-layout",
    specification: "Structures are not packed: exit_value is at offset 8 of pal_exec_args_t, which has 16 bytes.",
    requires: "init",
    since: 2,
    forLibraries: true,
    async run(trial) {
      const { pid } = await trial.create(trial.exiting(7)).catch(() => {
        throw new NotApplicable("tells nothing, because no process could be made");
      });
      const [natural, packed] = [mapPage(NATURAL_ADDRESS), mapPage(PACKED_ADDRESS)];
      if (natural === undefined || packed === undefined) {
        throw new NotApplicable("the two places in memory that it needs are not free");
      }
      for (const page of [natural, packed]) page.write(UNWRITTEN);
      const arena = new Arena(loadNative());
      const { address } = arena.struct(16, [
        { offset: 0, type: "int", value: pid },
        { offset: 4, type: "int", value: PACKED_ADDRESS & LOWER_HALF },
        { offset: 8, type: "pointer", value: NATURAL_ADDRESS },
      ]);
      const calls = new Calls({});
      const exec = openLibrary(trial.libraryPath ?? "", calls).find("pal_exec");
      await trial.calls.track("exec", async () => await calls.call(exec, { arena, words: [address] }));
      expect(packed.read() === UNWRITTEN, "pal_exec takes exit_value from offset 4, as if pal_exec_args_t were packed");
    },
  },
  {
    name: "deep-stack",
    specification: "pal_exec runs on a thread of its own with a stack of 8 MiB.",
    requires: "exit-value",
    programs: ["deep"],
    async run(trial) {
      const { status } = await trial.run(trial.program("deep"));
      expectEqual(status, 0, `the exit value of ${trial.program("deep").path}`);
    },
  },
];
