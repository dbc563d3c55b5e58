/** Nothing against the evidence, and not enough beside it to verify it. */
import type { AdviceTable } from "./advice.ts";

export const collateralAdvice = {
  ERR_COLLATERAL_MISSING: {
    means:
      "The vendor's statements about this platform are needed, and were not given: nothing is known for or against it.",
    todo: "Give them with --collateral or --endorsement, or name a service (--pcs, --kds); for CCA and PSA the platform's key with --trust.",
  },
  ERR_COLLATERAL_EXPIRED: {
    means: "The vendor's statements are past their date: what became known since then is not in them.",
    todo: "Get them anew from the vendor's service. --allow expired-collateral takes the risk, and no token is issued over it.",
  },
  ERR_COLLATERAL_FORMAT: {
    means: "The file of collateral cannot be read.",
    todo: "Get it again, unchanged.",
  },
  ERR_COLLATERAL_FETCH: {
    means: "The vendor's service did not answer as it should; nothing is known about the platform.",
    todo: "Check the address, the network and the service's certificate; try again, or use the cache with --offline.",
  },
  ERR_COLLATERAL_NOT_FOUND: {
    means: "The vendor's service does not know this platform.",
    todo: "Check that the platform is registered there, and that the service is the one for this vendor.",
  },
  ERR_COLLATERAL_RATE_LIMIT: {
    means: "The vendor's service is busy.",
    todo: "Try again when it says; the cache keeps what was fetched.",
  },
  ERR_COLLATERAL_REJECTED: {
    means: "A source gave something else than what was asked for, or what nobody trusted has signed.",
    todo: "Check which service or cache answered; use the vendor's own.",
  },
  ERR_COLLATERAL_ROLLBACK: {
    means: "The collateral is older than what was seen before: somebody may be hiding a weakness.",
    todo: "Get the newest collateral from the vendor's own service.",
  },
} as const satisfies AdviceTable;
