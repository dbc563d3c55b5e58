import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { isatty } from "node:tty";
import { isOn, lastValue } from "../parse.ts";
import { type Command, onlyId, usage } from "./command.ts";

const NONCE_BYTES = 32;

const HELP = `NAME:
   rune attest - fresh evidence of a running enclave container

USAGE:
   rune attest [command options] <container-id>

OPTIONS:
   --nonce HEX              the verifier's nonce, 8 to 64 bytes (default: a random one, which is printed)
   --output FILE, -o FILE   where the evidence message goes (default: standard output)

Only a nonce that the verifier has chosen proves freshness to it. \`shelter verify FILE --nonce HEX\` appraises the message.
`;

/** Not a command of runc's: evidence for a nonce, as an evidence message. */
export const attest: Command = async ({ lifecycle, engine }, flags) => {
  if (isOn(flags, "help")) {
    process.stdout.write(HELP);
    return 0;
  }
  const id = onlyId("attest", flags);
  const file = lastValue(flags, "output");
  if (file === undefined && isatty(1)) throw usage("the evidence is binary: name a file with --output, or a pipe");
  const given = lastValue(flags, "nonce");
  const nonce = given ?? randomBytes(NONCE_BYTES).toString("hex");
  const evidence = await lifecycle.attestContainer(engine, id, nonce);
  if (given === undefined) process.stderr.write(`nonce: ${nonce}\n`);
  if (file === undefined) process.stdout.write(evidence);
  else writeFileSync(file, evidence);
  return 0;
};
