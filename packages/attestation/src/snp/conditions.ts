/** How an SEV-SNP guest was launched and what its report leaves open. @see AMD 56860, GUEST_POLICY and VMPL */
import { failCheck } from "../check.ts";
import { type Condition, met } from "../condition.ts";
import { GUEST_POLICY, isChipIdMasked, type SnpReport } from "./decode.ts";
import type { SnpProduct, SnpTcb } from "./product.ts";

export interface SnpFacts {
  /** The product that report and certificate agree in, and its TCB; `undefined` where they do not. */
  readonly platform: { readonly product: SnpProduct; readonly reported: SnpTcb } | undefined;
  /** Whether a revocation list of the root was looked at. */
  readonly isRevocationKnown: boolean;
}

export function snpConditions(report: SnpReport, { platform, isRevocationKnown }: SnpFacts): readonly Condition[] {
  return [
    {
      check: "vmpl",
      test: ({ acceptedVmpls = [0] }) => {
        const [expected, actual] = [acceptedVmpls.join(" or "), vmplText(report.vmpl)];
        if (acceptedVmpls.includes(report.vmpl)) return met("the report is of an accepted privilege level", { actual });
        return failCheck("ERR_POLICY_VMPL", "the report is of another privilege level", expected, actual);
      },
    },
    {
      check: "migration",
      allowance: "migration",
      test: () => {
        if ((report.policy & GUEST_POLICY.migrationAgent) === 0n) return met("no migration agent may move the guest");
        const message = "a migration agent may move the guest to another machine";
        return failCheck("ERR_POLICY_MIGRATION", message, "not allowed", "allowed");
      },
    },
    {
      check: "chip-bound",
      allowance: "masked-chip-id",
      test: () => {
        if (!isChipIdMasked(report)) return met("CHIP_ID is not masked");
        const message = "CHIP_ID is masked, so the report is bound to no chip";
        return failCheck("ERR_POLICY_MASKED_CHIP_ID", message, "the chip's identifier", "zeros");
      },
    },
    {
      check: "revocation",
      allowance: "no-revocation",
      test: () => {
        if (isRevocationKnown) return met("a revocation list of the root was looked at");
        const message = "no revocation list was given; AMD's key service has it at /vcek/v1/PRODUCT/crl";
        return failCheck("ERR_POLICY_NO_REVOCATION", message, "a CRL of the root", "none");
      },
    },
    {
      check: "minimum-tcb",
      test: ({ minSnpTcb }) => {
        if (minSnpTcb === undefined) return met("the policy names no minimum");
        return compareTcb(minSnpTcb, platform);
      },
    },
  ];
}

/** Component by component: a version of one part makes up for nothing in another. */
function compareTcb(
  minimum: Readonly<Partial<Record<SnpProduct, Partial<SnpTcb>>>>,
  platform: SnpFacts["platform"],
): ReturnType<Condition["test"]> {
  const least = platform === undefined ? undefined : minimum[platform.product];
  if (platform === undefined || least === undefined) {
    const products = Object.keys(minimum).join(" or ");
    return failCheck("ERR_POLICY_MIN_TCB", "the policy has no minimum for this product", products, platform?.product);
  }
  for (const [part, needed] of Object.entries(least)) {
    const actual = platform.reported[part as keyof SnpTcb] ?? -1;
    if (actual >= needed) continue;
    const message = `${part} of REPORTED_TCB is below the policy's minimum`;
    return failCheck("ERR_POLICY_MIN_TCB", message, `${needed} or above`, String(actual));
  }
  return met("every part of REPORTED_TCB reaches the policy's minimum");
}

function vmplText(vmpl: number): string {
  return vmpl <= 3 ? String(vmpl) : `0x${vmpl.toString(16)} (asked for by the host)`;
}
