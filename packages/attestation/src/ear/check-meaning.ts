/** What a check says about an attester that is genuine, where it fails or is allowed to. */
import { AR4SI, GENERIC, type TrustVector } from "./ar4si.ts";

export interface CheckMeaning {
  readonly failed: Partial<TrustVector>;
  /** In place of the same claims of `failed`, where a word allowed it. */
  readonly allowed?: Partial<TrustVector>;
}

const UNRECOGNIZED_SOFTWARE: CheckMeaning = { failed: { executables: AR4SI.unrecognizedExecutables } };
const OLD_SOFTWARE: CheckMeaning = { failed: { executables: AR4SI.unsafeExecutables } };
const WRONG_CONFIGURATION: CheckMeaning = { failed: { configuration: AR4SI.unsupportableConfiguration } };
const OPEN_CONFIGURATION: CheckMeaning = {
  failed: { configuration: AR4SI.unsupportableConfiguration },
  allowed: { configuration: AR4SI.unsafeConfiguration },
};
const OLD_HARDWARE: CheckMeaning = { failed: { hardware: AR4SI.unsafeHardware } };
const UNKNOWN_HARDWARE: CheckMeaning = { failed: { hardware: AR4SI.unrecognizedHardware } };
const UNKNOWN_INSTANCE: CheckMeaning = {
  failed: { "instance-identity": AR4SI.unrecognizedInstance },
  allowed: { "instance-identity": GENERIC.noClaim },
};
const VISIBLE: CheckMeaning = {
  failed: { configuration: AR4SI.unsupportableConfiguration, "runtime-opaque": AR4SI.visibleRuntime },
};
/** Freshness is no claim of the vector: the status alone says it. */
const NOTHING: CheckMeaning = { failed: {} };

/** By the name of the check; one that is not here counts as an unsupportable configuration. */
export const MEANING_OF_CHECKS: Readonly<Record<string, CheckMeaning>> = {
  // what runs
  measurement: UNRECOGNIZED_SOFTWARE,
  signer: UNRECOGNIZED_SOFTWARE,
  author: UNRECOGNIZED_SOFTWARE,
  owner: UNRECOGNIZED_SOFTWARE,
  product: UNRECOGNIZED_SOFTWARE,
  "extended-product": UNRECOGNIZED_SOFTWARE,
  family: UNRECOGNIZED_SOFTWARE,
  image: UNRECOGNIZED_SOFTWARE,
  ...each(["rtmr0", "rtmr1", "rtmr2", "rtmr3", "rem0", "rem1", "rem2", "rem3"], UNRECOGNIZED_SOFTWARE),
  ...each(["pcr1", "pcr2", "pcr3", "pcr4", "pcr16"], UNRECOGNIZED_SOFTWARE),
  ...each(["guest-image", "container-claim"], UNRECOGNIZED_SOFTWARE),
  version: OLD_SOFTWARE,
  // how it was launched
  "config-id": WRONG_CONFIGURATION,
  "config-version": WRONG_CONFIGURATION,
  "owner-config": WRONG_CONFIGURATION,
  "host-data": WRONG_CONFIGURATION,
  personalization: WRONG_CONFIGURATION,
  attributes: WRONG_CONFIGURATION,
  xfam: WRONG_CONFIGURATION,
  "td-attributes": WRONG_CONFIGURATION,
  vmpl: WRONG_CONFIGURATION,
  debug: VISIBLE,
  "container-debug": VISIBLE,
  "sept-ve-disable": OPEN_CONFIGURATION,
  "service-td": OPEN_CONFIGURATION,
  migration: OPEN_CONFIGURATION,
  // what it runs on; what a TCB status means, the status itself says
  "tcb-status": NOTHING,
  advisories: OLD_HARDWARE,
  "evaluation-data-number": OLD_HARDWARE,
  "collateral-current": OLD_HARDWARE,
  "minimum-tcb": OLD_HARDWARE,
  "tdx-module-version": OLD_HARDWARE,
  seam: UNKNOWN_HARDWARE,
  firmware: UNKNOWN_HARDWARE,
  implementation: UNKNOWN_HARDWARE,
  fmspc: UNKNOWN_HARDWARE,
  simulated: UNKNOWN_HARDWARE,
  lifecycle: { failed: { hardware: AR4SI.contraindicatedHardware } },
  // which machine it is
  platform: UNKNOWN_INSTANCE,
  "platform-id": UNKNOWN_INSTANCE,
  "chip-bound": UNKNOWN_INSTANCE,
  revocation: UNKNOWN_INSTANCE,
  // whether it is fresh
  nonce: NOTHING,
  age: NOTHING,
};

function each(checks: readonly string[], meaning: CheckMeaning): Record<string, CheckMeaning> {
  return Object.fromEntries(checks.map((check) => [check, meaning]));
}
