/** Tokens that are not taken. */
import type { AdviceTable } from "./advice.ts";

export const tokenAdvice = {
  ERR_EAR_FORMAT: {
    means: "It is no attestation result, or one that breaks the rules.",
    todo: "Get the token again, unchanged, and check that it is an EAR token.",
  },
  ERR_EAR_KEY: {
    means: "Someone issued it whom you do not trust.",
    todo: "If the verifier has a new key, get its key set anew (shelter key jwks) over a way that you trust.",
  },
  ERR_EAR_SIGNATURE: {
    means: "The token was changed after it was signed.",
    todo: "Do not trust the sender; ask the verifier for a token.",
  },
  ERR_EAR_TIME: {
    means: "The verdict was good for its time only, and that is over or has not come.",
    todo: "Attest anew for a new token, or compare the clocks.",
  },
  ERR_EAR_GROUNDS: {
    means: "What the verdict rests on has run out, so no token may say it any longer.",
    todo: "Get the collateral anew, then verify again.",
  },
  ERR_EAR_AUDIENCE: {
    means: "The token was meant for somebody else, who may have passed it on.",
    todo: "Ask for a token with your own name as its audience.",
  },
  ERR_EAR_ISSUER: {
    means: "A trusted key signed it in another issuer's name.",
    todo: "Check which verifier you expect, and its --issuer.",
  },
  ERR_EAR_NONCE: {
    means: "The token answers another question than yours: it may be a recording.",
    todo: "Ask again with a new nonce.",
  },
  ERR_EAR_STATUS: {
    means: "The token is genuine, and what it says is not good enough.",
    todo: "See its checks (shelter explain TOKEN). --status warning takes a warning.",
  },
} as const satisfies AdviceTable;
