import type { JsonValue } from "@inclavare/errors";
import type { SoftwareComponent } from "./claims.ts";

/** Software components under the names of RFC 9783, section 4.4.1. */
export function describeComponents(components: readonly SoftwareComponent[]): JsonValue {
  return components.map(({ measurementType, measurementValue, version, signerId, measurementDescription }) => ({
    ...(measurementType === undefined ? {} : { "measurement-type": measurementType }),
    "measurement-value": Buffer.from(measurementValue).toString("hex"),
    ...(version === undefined ? {} : { version }),
    "signer-id": Buffer.from(signerId).toString("hex"),
    ...(measurementDescription === undefined ? {} : { "measurement-desc": measurementDescription }),
  }));
}
