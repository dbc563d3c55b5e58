import { attestationCodes } from "./attestation.ts";
import { attesterCodes } from "./attesters.ts";
import { containerCodes } from "./container.ts";
import { dockerCodes } from "./docker.ts";
import { enclaveTlsCodes } from "./enclave-tls.ts";
import { generalCodes } from "./general.ts";
import { imageCodes } from "./image.ts";
import { linuxCodes } from "./linux.ts";
import { ociCodes } from "./oci.ts";
import { palCodes } from "./pal.ts";
import { runeletCodes } from "./runelet.ts";
import { serviceCodes } from "./service.ts";
import { sgxCodes } from "./sgx.ts";
import { x509Codes } from "./x509.ts";
import type { CodeEntry, VerificationCause } from "../kinds.ts";

const table = {
  ...generalCodes,
  ...linuxCodes,
  ...ociCodes,
  ...sgxCodes,
  ...palCodes,
  ...imageCodes,
  ...attestationCodes,
  ...attesterCodes,
  ...enclaveTlsCodes,
  ...containerCodes,
  ...dockerCodes,
  ...runeletCodes,
  ...serviceCodes,
  ...x509Codes,
} as const satisfies Readonly<Record<`ERR_${string}`, CodeEntry>>;

/** Every code of the project, a closed union: `switch` on it narrows. */
export type ErrorCode = keyof typeof table;

/** The codes that a verdict can carry, or a token be refused with: those of a cause, each with an exit code of its own. */
export type VerdictCode = {
  [K in ErrorCode]: (typeof table)[K] extends { readonly cause: VerificationCause } ? K : never;
}[ErrorCode];

/** Every code with its kind and the sentence that docs/errors.md shows. */
export const ERROR_CODES: Readonly<Record<ErrorCode, CodeEntry>> = table;
