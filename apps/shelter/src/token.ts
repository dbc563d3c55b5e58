/** A verdict as an attestation result, signed with Shelter's key. */
import { issueEar, type Policy, signingKeyFromPem, type Verdict } from "@inclavare/attestation";
import { VERSION } from "@inclavare/cli";
import { InclavareError } from "@inclavare/errors";
import { loadKey } from "./key-files.ts";

const DEFAULT_MAX_AGE_S = 300;
const MAX_AGE = { least: 1, most: 7 * 24 * 3600 } as const;

/** As `tokenOptions` gives them. */
export interface TokenWords {
  readonly token?: string | undefined;
  readonly audience: string | undefined;
  readonly issuer: string | undefined;
  readonly "max-age": string | undefined;
  readonly "token-key": string | undefined;
}

/** How a token is to be issued; the words of the command line, checked. */
export interface TokenRequest {
  readonly audience: string;
  readonly issuer: string | undefined;
  readonly maxAgeSeconds: number;
  readonly keyFile: string | undefined;
}

/** What a token says beside its verdict. */
export interface TokenContent {
  readonly now: Date;
  readonly nonce?: Uint8Array | undefined;
  readonly policy?: Policy | undefined;
}

/**
 * @param isPrinted whether the token is the command's output, beside a file that it may be written to.
 * @returns `undefined` where no token was asked for.
 * @throws InclavareError ERR_USAGE
 */
export function parseTokenRequest(words: TokenWords, isPrinted: boolean): TokenRequest | undefined {
  const { token, audience, issuer } = words;
  if (!isPrinted && token === undefined) {
    const surplus = (["audience", "issuer", "max-age", "token-key"] as const).find((word) => words[word] !== undefined);
    if (surplus === undefined) return undefined;
    throw new InclavareError("ERR_USAGE", `--${surplus} is for a token, and neither --token nor -o ear is given`);
  }
  if (audience === undefined) throw new InclavareError("ERR_USAGE", "--audience is missing: whom the token is for");
  return { audience, issuer, maxAgeSeconds: parseMaxAge(words["max-age"]), keyFile: words["token-key"] };
}

/** @throws InclavareError ERR_EAR_GROUNDS, ERR_EAR_OPTIONS, ERR_EAR_SIGNING_KEY, ERR_FILE, ERR_STATE_DIRECTORY */
export function issueToken(
  verdict: Verdict,
  request: TokenRequest,
  { now, nonce, policy, state }: TokenContent & { readonly state: string },
): string {
  const { audience, issuer, maxAgeSeconds, keyFile } = request;
  const key = signingKeyFromPem(loadKey("token", state, keyFile), keyFile ?? "the key of the state");
  return issueEar(verdict, {
    key,
    audience,
    now,
    maxAgeSeconds,
    verifier: { build: `inclavare shelter ${VERSION}`, developer: "https://github.com/inclavare-containers" },
    ...(issuer === undefined ? {} : { issuer }),
    ...(nonce === undefined ? {} : { nonce }),
    ...(policy === undefined ? {} : { policy }),
  });
}

function parseMaxAge(text: string | undefined): number {
  const seconds = text === undefined ? DEFAULT_MAX_AGE_S : Number(text);
  const { least, most } = MAX_AGE;
  if (Number.isSafeInteger(seconds) && seconds >= least && seconds <= most) return seconds;
  throw new InclavareError("ERR_USAGE", `--max-age is "${text}", expected ${least} to ${most} seconds`);
}
