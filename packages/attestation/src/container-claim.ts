/**
 * What a container inside a guest TEE is. The hardware measures the guest, and attesterd, a part of the measured guest
 * image, the container; it gives evidence over no claims that say otherwise.
 */
import { InclavareError, isInclavareError } from "@inclavare/errors";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { CheckFailure, type CheckList, failCheck, type Finding } from "./check.ts";
import type { EnclaveIdentity } from "./evidence.ts";
import type { VerifiedEvidence } from "./examination.ts";
import type { MeasurementVerdict, SgxMeasurement } from "./measurement.ts";
import type { Policy, ReferenceValue } from "./policy.ts";
import { addReferenceChecks, closestReference } from "./reference.ts";
import { teeOfReference } from "./reference-fields.ts";
import type { Verdict } from "./verdict.ts";

/** A container's measured identity, in SGX's terms whatever the TEE. */
export type ContainerIdentity = Pick<EnclaveIdentity, "mrEnclave" | "mrSigner" | "isvProdId" | "isvSvn" | "debug">;

const CODE = "ERR_CLAIMS_FORMAT";
const WHAT = "claim container";
const LIMIT_BYTES = 512;
const HASH_BYTES = 32;
const MOST_U16 = 0xffff;

/** TEEs that are a whole guest, with the members of a reference without which its integrity covers too little. */
const GUEST_IMAGE_MEMBERS: Readonly<Partial<Record<MeasurementVerdict["tee"], readonly (keyof ReferenceValue)[]>>> = {
  tdx: ["mrTd", "rtmr0", "rtmr1", "rtmr2"],
  "sev-snp": ["measurement"],
  cca: ["rim"],
};

/** CBOR: `{"mr-enclave": bytes, "mr-signer": bytes, "isv-prod-id": n, "isv-svn": n, "debug": bool}`, deterministic. */
export function encodeContainerClaim(identity: ContainerIdentity): Uint8Array {
  const { mrEnclave, mrSigner, isvProdId, isvSvn, debug } = identity;
  const members: readonly (readonly [string, unknown])[] = [
    ["mr-enclave", new Uint8Array(Buffer.from(mrEnclave, "hex"))],
    ["mr-signer", new Uint8Array(Buffer.from(mrSigner, "hex"))],
    ["isv-prod-id", isvProdId],
    ["isv-svn", isvSvn],
    ["debug", debug],
  ];
  const bytes = encodeCbor(new Map(members));
  decodeContainerClaim(bytes); // what this side says, this side would take
  return bytes;
}

/** @throws InclavareError ERR_CLAIMS_FORMAT */
export function decodeContainerClaim(bytes: Uint8Array): ContainerIdentity {
  const map = decodeCbor(bytes, { code: CODE, what: WHAT, limitBytes: LIMIT_BYTES });
  const malformed = (rule: string): InclavareError => new InclavareError(CODE, `${WHAT} ${rule}`);
  if (!(map instanceof Map) || map.size !== 5) throw malformed("is not a map of five members");
  const hash = (name: string): string => {
    const value: unknown = map.get(name);
    if (value instanceof Uint8Array && value.length === HASH_BYTES) return Buffer.from(value).toString("hex");
    throw malformed(`has no ${name} of ${HASH_BYTES} bytes`);
  };
  const u16 = (name: string): number => {
    const value: unknown = map.get(name);
    if (typeof value === "number" && value >= 0 && value <= MOST_U16) return value;
    throw malformed(`has no ${name} of 0 to ${MOST_U16}`);
  };
  const debug: unknown = map.get("debug");
  if (typeof debug !== "boolean") throw malformed("does not say whether it is in debug mode");
  return {
    mrEnclave: hash("mr-enclave"),
    mrSigner: hash("mr-signer"),
    isvProdId: u16("isv-prod-id"),
    isvSvn: u16("isv-svn"),
    debug,
  };
}

/** The container's claim in the claims of a verdict, where there is one. @throws InclavareError ERR_CLAIMS_FORMAT */
export function containerOfVerdict({ claims }: Pick<Verdict, "claims">): ContainerIdentity | undefined {
  const { claims: buffer } = claims;
  const isMap = typeof buffer === "object" && buffer !== null && "container" in buffer;
  const claim = isMap ? buffer["container"] : undefined;
  return typeof claim === "string" ? decodeContainerClaim(Buffer.from(claim, "hex")) : undefined;
}

/** Whether enclave, guest or container are in debug mode; a container's claim that cannot be read may hide it. */
export function isOfDebug(verdict: Pick<Verdict, "claims" | "measurement">): boolean {
  if (verdict.measurement?.debug === true) return true;
  try {
    return containerOfVerdict(verdict)?.debug === true;
  } catch (error) {
    if (isInclavareError(error)) return true;
    throw error;
  }
}

/** True for a reference that is good enough for a guest image. */
export function isGuestImage(reference: ReferenceValue): boolean {
  const tee = teeOfReference(reference);
  const members = tee === undefined ? undefined : GUEST_IMAGE_MEMBERS[tee];
  return members?.every((name) => reference[name] !== undefined) === true;
}

export interface AllowedWords {
  readonly debug: string | undefined;
  readonly noReference: string | undefined;
}

/**
 * Adds the checks of a container's claim in the evidence of a guest: that the guest is one whose word about containers
 * counts, and that the container is one that is wanted.
 * @returns false where there is no such claim: then the guest itself is what is appraised.
 */
export function addContainerChecks(
  list: CheckList,
  { measurement, boundClaims }: VerifiedEvidence,
  { policy, allowed }: { readonly policy: Policy; readonly allowed: AllowedWords },
): boolean {
  const claim = boundClaims?.container;
  if (claim === undefined || GUEST_IMAGE_MEMBERS[measurement.tee] === undefined) return false;
  list.run("guest-image", [], () => checkGuestImage(measurement, policy.guestImages ?? []));
  const container = list.run("container-claim", [], () => {
    const value = decodeContainerClaim(claim);
    return { value, message: `a container with MRENCLAVE ${value.mrEnclave}` };
  });
  if (container === undefined) return true;
  const check = (): Finding<true> => {
    if (!container.debug) return { value: true, message: "the container is not in debug mode" };
    throw new CheckFailure("ERR_POLICY_DEBUG", "the container is in debug mode", {
      expected: "debug off",
      actual: "debug on",
    });
  };
  list.run("container-debug", [], check, allowed.debug);
  addReferenceChecks(list, toMeasurement(container), policy.referenceValues, allowed.noReference);
  return true;
}

/** No word allows it: whoever is root in an unknown guest could have written the claim. */
function checkGuestImage(measurement: MeasurementVerdict, images: readonly ReferenceValue[]): Finding<true> {
  const closest = closestReference(measurement, images);
  if (closest === undefined) {
    const message = `container-self-asserted: the policy has no guest image of ${measurement.tee}`;
    return failCheck("ERR_POLICY_CONTAINER_SELF_ASSERTED", message, "a guest image", "none");
  }
  const { reference, differences } = closest;
  const [first] = differences;
  if (first === undefined) return { value: true, message: `the guest is the image from ${reference.source}` };
  return failCheck(
    "ERR_POLICY_CONTAINER_SELF_ASSERTED",
    `container-self-asserted: ${first.what} of the guest is not that of the image from ${reference.source}`,
    first.expected,
    first.actual,
  );
}

/** As a reference of SGX is compared with it; of key separation a container has nothing. */
function toMeasurement(container: ContainerIdentity): SgxMeasurement {
  const zeros = (sizeBytes: number): string => "00".repeat(sizeBytes);
  const kss = { configId: zeros(64), configSvn: 0, isvExtProdId: zeros(16), isvFamilyId: zeros(16) };
  return { tee: "sgx", ...container, ...kss };
}
