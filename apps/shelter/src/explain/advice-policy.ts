/** True evidence of something that the policy does not want. */
import type { AdviceTable } from "./advice.ts";

export const policyAdvice = {
  ERR_POLICY_SIMULATED: {
    means: "No hardware vendor vouches for it. It shows that the format and the flow work, and protects nothing.",
    todo: "Run on a machine with a TEE. For development, --allow simulated; tokens stay contraindicated.",
  },
  ERR_POLICY_DEBUG: {
    means: "Whoever runs the machine can read and change the memory: there is no secrecy.",
    todo: "Build and launch for production. For development, --allow debug; tokens stay contraindicated.",
  },
  ERR_POLICY_NO_REFERENCE: {
    means: "Something runs in a TEE, and nobody has said what should run: it may be anything.",
    todo: "Measure your own build (inclavare measure), and put the values in a policy (shelter policy new) or record them (shelter reference add).",
  },
  ERR_POLICY_CONTAINER_SELF_ASSERTED: {
    means: "A guest says what container it runs, and whoever is root in an unknown guest can say anything.",
    todo: "Name the guest image that you built or trust in guestImages; if it is another one, do not trust the workload.",
  },
  ERR_POLICY_MEASUREMENT: {
    means: "Other software or another configuration runs than the one that was recorded.",
    todo: "If you released a new build, record its measurement; if not, do not trust the workload.",
  },
  ERR_POLICY_SIGNER: {
    means: "The software was signed by somebody else than expected.",
    todo: "If your signing key has changed, record the new signer; if not, do not trust the workload.",
  },
  ERR_POLICY_PRODUCT: {
    means: "The right signer signed another product.",
    todo: "Check which product this workload should be, and the reference's product members.",
  },
  ERR_POLICY_VERSION: {
    means: "The software or firmware is older than the oldest that you accept: it may have known weaknesses.",
    todo: "Update it, then attest again.",
  },
  ERR_POLICY_NO_NONCE: {
    means: "You asked nothing, so the evidence may be an old recording.",
    todo: "Send a random nonce with the request, and give it with --nonce. --allow no-nonce takes the risk.",
  },
  ERR_POLICY_NONCE: {
    means: "The evidence answers somebody else's question: it may be a recording or a relay.",
    todo: "Ask again with a new nonce; if it fails again, do not trust the sender.",
  },
  ERR_POLICY_TD_ATTRIBUTES: {
    means: "The guest was launched with attributes that nobody has defined, so their effect is unknown.",
    todo: "Launch it with known attributes only, or use a release that knows them.",
  },
  ERR_POLICY_SEPT_VE_DISABLE: {
    means: "The host can take memory pages away and thereby lead the guest's kernel astray.",
    todo: "Launch the guest with SEPT_VE_DISABLE. --allow no-sept-ve-disable takes the risk.",
  },
  ERR_POLICY_SERVICE_TD: {
    means: "Another trust domain is bound to the guest and may move it or its secrets.",
    todo: "Launch the guest without it. If it is one that you trust, --allow service-td.",
  },
  ERR_POLICY_VMPL: {
    means: "The report was not made by the most privileged part of the guest, or by its host.",
    todo: "Let the guest ask at VMPL 0, or name the level in acceptedVmpls if a paravisor of yours runs below it.",
  },
  ERR_POLICY_MIGRATION: {
    means: "An agent may move the guest to another machine after it was attested.",
    todo: "Launch the guest without migration agent. If you trust it, --allow migration.",
  },
  ERR_POLICY_MASKED_CHIP_ID: {
    means: "The report does not say which chip made it.",
    todo: "Have the host unmask CHIP_ID. --allow masked-chip-id does without.",
  },
  ERR_POLICY_NO_REVOCATION: {
    means: "Nobody looked up whether the processor's key has been withdrawn.",
    todo: "Give AMD's revocation list with --endorsement, or name the service (--kds). --allow no-revocation takes the risk.",
  },
  ERR_POLICY_MIN_TCB: {
    means: "A part of the processor's firmware is older than the oldest that you accept.",
    todo: "Update the firmware of the machine, then attest again.",
  },
  ERR_POLICY_PLATFORM: {
    means: "The workload runs on a machine that you did not name, or that you ruled out.",
    todo: "Check where it was placed; if the machine is a good one, add it to the policy.",
  },
  ERR_POLICY_LIFECYCLE: {
    means: "The device is being made, repaired or taken out of service: its keys may be open.",
    todo: "Use a device in its secured state; no word allows another one.",
  },
  ERR_POLICY_AGE: {
    means: "The evidence was made too long ago: things may have changed.",
    todo: "Have it made anew, or compare the clocks.",
  },
  ERR_POLICY_TCB_STATUS: {
    means: "The platform misses patches or is configured so that published attacks work.",
    todo: "Update or configure the machine as the advisories say. To accept it, name the status in acceptedTcbStatuses and the advisories that you have dealt with.",
  },
  ERR_POLICY_ADVISORY: {
    means: "A published weakness applies that nobody has said is dealt with.",
    todo: "Read the advisory at Intel's security center; once it is dealt with, add it to acceptedAdvisories.",
  },
  ERR_POLICY_EVALUATION: {
    means: "The collateral does not know the newest weaknesses.",
    todo: "Get the newest collateral from the vendor's service.",
  },
} as const satisfies AdviceTable;
