/** What a policy leaves open, in words for the one who answers for it. */
import { type Allowance, type Policy, type ReferenceValue } from "@inclavare/attestation";

const OPENS: Readonly<Record<Allowance, string>> = {
  debug: "enclaves and guests whose memory their host can read",
  simulated: "evidence that anybody can make who has the simulated platform's root",
  "no-nonce": "old evidence, sent again by whoever recorded it",
  "no-reference": "any software at all",
  "expired-collateral": "platforms whose revocation or weakness became known after the collateral's date",
  "sw-hardening-needed": "platforms on which software must mitigate advisories itself",
  "configuration-needed": "platforms whose configuration leaves advisories open",
  "out-of-date": "platforms that miss security patches",
  "no-sept-ve-disable": "TDs whose host can take pages away and inject #VE",
  "service-td": "TDs to which a service TD is bound, whichever it is",
  migration: "guests that a migration agent may move to another machine",
  "masked-chip-id": "reports that are bound to no chip",
  "no-revocation": "endorsement keys of which nobody looked up whether they are revoked",
};

/** One sentence for each thing that the policy accepts beyond the strictest; empty for that one. */
export function reviewPolicy(policy: Policy): string[] {
  const { allow, referenceValues, acceptedTcbStatuses, acceptedAdvisories, minEvaluationDataNumber } = policy;
  const open = acceptedTcbStatuses.filter((status) => status !== "UpToDate");
  const isIntel = referenceValues.some(
    (reference) => "mrEnclave" in reference || "mrSigner" in reference || "mrTd" in reference,
  );
  return [
    ...allow.map((word) => `"${word}" lets in ${OPENS[word]}`),
    ...(referenceValues.length === 0 && !allow.includes("no-reference")
      ? ["there are no reference values: all evidence is refused"]
      : []),
    ...(open.length === 0 || acceptedAdvisories !== undefined
      ? []
      : [`${open.join(", ")} is accepted under any advisory: acceptedAdvisories would name those that are mitigated`]),
    ...(isIntel && minEvaluationDataNumber === undefined
      ? ["old collateral is as good as new, as long as it is valid: minEvaluationDataNumber would set a floor"]
      : []),
    ...referenceValues.flatMap(reviewReference),
  ];
}

function reviewReference(reference: ReferenceValue, index: number): string[] {
  const { mrEnclave, mrSigner, isvProdId, minIsvSvn, measurement, idKeyDigest, authorKeyDigest } = reference;
  const name = `reference ${index} (${reference.source})`;
  const isSignerOnly = mrEnclave === undefined && mrSigner !== undefined;
  const isKeyOnly = measurement === undefined && (idKeyDigest ?? authorKeyDigest) !== undefined;
  return [
    ...(isSignerOnly && isvProdId === undefined
      ? [`${name} takes every product of this signer: isvProdId is missing`]
      : []),
    ...(isSignerOnly && minIsvSvn === undefined
      ? [`${name} takes every version, the oldest too: minIsvSvn is missing`]
      : []),
    ...(isKeyOnly && reference.minGuestSvn === undefined
      ? [`${name} takes every guest that this key has signed: minGuestSvn is missing`]
      : []),
  ];
}
