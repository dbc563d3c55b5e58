/** The key that a platform signs its token with, which the verifier must know beforehand. */
import { CheckFailure, type CheckList } from "../check.ts";
import { anchorsFor, type TrustAnchor } from "../trust-anchors.ts";
import { type CoseSign1, verifySign1 } from "./sign1.ts";

/**
 * The check that one of the user's keys signed. Arm has no root that is built in: whoever makes a platform publishes its
 * key, and the user gives it as a trust anchor.
 * @param what names the token.
 */
export function addPlatformSignature(
  list: CheckList,
  token: CoseSign1,
  { what, trustAnchors }: { readonly what: string; readonly trustAnchors: readonly TrustAnchor[] },
): TrustAnchor | undefined {
  return list.run("platform-signature", [], () => {
    const keys = anchorsFor(undefined, trustAnchors);
    if (keys.length === 0) {
      const message = `the ${what} can only be verified with the platform's public key as a trust anchor`;
      throw new CheckFailure("ERR_COLLATERAL_MISSING", message, { expected: "a public key", actual: "none" });
    }
    const anchor = keys.find(({ publicKey }) => verifySign1(token, publicKey));
    if (anchor !== undefined)
      return { value: anchor, message: `a trusted key signed the ${what}, ${token.algorithm.name}` };
    throw new CheckFailure("ERR_TOKEN_SIGNATURE", `the ${what} is signed by none of the trusted keys`, {
      expected: `the signature of one of ${keys.length} keys`,
      actual: "another one",
    });
  });
}
