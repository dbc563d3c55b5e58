/** A module whose only function, `u`, is `unreachable`. */
const TRAP = Buffer.from(
  [
    "0061736d 01000000", // magic, version
    "01 04 01 60 00 00", // type 0: () -> ()
    "03 02 01 00", // function 0 of type 0
    "07 05 01 01 75 00 00", // export "u"
    "0a 05 01 03 00 00 0b", // its body
  ]
    .join("")
    .replaceAll(" ", ""),
  "hex",
);

/**
 * Makes the function by which a host function leaves the guest for good. It traps, because a guest can catch a
 * JavaScript exception (`catch_all`) and go on, but never a trap.
 */
export function createUnwinder(): () => never {
  const trap = new WebAssembly.Instance(new WebAssembly.Module(TRAP)).exports["u"] as () => void;
  return () => {
    trap();
    throw new Error("the trap returned");
  };
}
