/** DCAP collateral as one JSON document: the exact texts that were signed, and the chains of who signed them. */
import { InclavareError } from "@inclavare/errors";

const MEMBERS = [
  "pck_crl_issuer_chain",
  "root_ca_crl",
  "pck_crl",
  "tcb_info_issuer_chain",
  "tcb_info",
  "tcb_info_signature",
  "qe_identity_issuer_chain",
  "qe_identity",
  "qe_identity_signature",
] as const;
type Member = (typeof MEMBERS)[number] | "pck_certificate_chain";
const BINARY: ReadonlySet<Member> = new Set(["root_ca_crl", "pck_crl", "tcb_info_signature", "qe_identity_signature"]);
const MOST_CHARACTERS = 4 << 20;

export interface CollateralBundle {
  /** PEM: the CA that issued the PCK certificate, then the root. */
  readonly pck_crl_issuer_chain: string;
  /** DER in hexadecimal. */
  readonly root_ca_crl: string;
  /** DER in hexadecimal. */
  readonly pck_crl: string;
  readonly tcb_info_issuer_chain: string;
  /** The text of the `tcbInfo` value, exactly as it was signed. */
  readonly tcb_info: string;
  /** r and s in hexadecimal. */
  readonly tcb_info_signature: string;
  readonly qe_identity_issuer_chain: string;
  /** The text of the `enclaveIdentity` value, exactly as it was signed. */
  readonly qe_identity: string;
  readonly qe_identity_signature: string;
  /** PEM, where the quote itself carries no chain. */
  readonly pck_certificate_chain?: string;
}

/** @param what names the input in errors. @throws ERR_COLLATERAL_FORMAT */
export function parseCollateralBundle(json: unknown, what: string): CollateralBundle {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw malformed(what, "is not a JSON object");
  const record = json as Readonly<Record<string, unknown>>;
  const chain = record["pck_certificate_chain"];
  const bundle = Object.fromEntries(
    MEMBERS.map((name) => [name, member(record[name], name, `${what} member ${name}`)]),
  );
  const optional =
    chain === undefined || chain === null
      ? {}
      : { pck_certificate_chain: member(chain, "pck_certificate_chain", `${what} member pck_certificate_chain`) };
  return { ...bundle, ...optional } as unknown as CollateralBundle;
}

/**
 * Text, without the NUL that C producers end it with; or, as some tools write it, a list of bytes: text where the member is
 * text, hexadecimal where it is binary.
 */
function member(value: unknown, name: Member, what: string): string {
  if (Array.isArray(value)) {
    const hex = hexOf(value, what);
    return BINARY.has(name) ? hex : withoutNul(Buffer.from(hex, "hex").toString("utf8"));
  }
  if (typeof value !== "string") throw malformed(what, value === undefined ? "is missing" : "is not a string");
  if (value.length > MOST_CHARACTERS)
    throw malformed(what, `has ${value.length} characters, at most ${MOST_CHARACTERS} are read`);
  return withoutNul(value);
}

function withoutNul(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === "\0") end -= 1;
  return text.slice(0, end);
}

function hexOf(list: readonly unknown[], what: string): string {
  if (list.length > MOST_CHARACTERS / 2) throw malformed(what, `has ${list.length} bytes, too many to be read`);
  const isByte = (one: unknown): one is number =>
    typeof one === "number" && Number.isInteger(one) && one >= 0 && one <= 255;
  if (!list.every(isByte)) throw malformed(what, "is a list of something else than bytes");
  return Buffer.from(list).toString("hex");
}

function malformed(what: string, rule: string): InclavareError {
  return new InclavareError("ERR_COLLATERAL_FORMAT", `${what} ${rule}`);
}
