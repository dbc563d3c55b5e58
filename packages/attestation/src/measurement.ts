/** What runs, in the terms of its TEE. Hashes and identifiers are lower-case hex; a member is there for a policy to name. */

interface Common {
  /** The debugger of whoever runs the machine can look in. */
  readonly debug: boolean;
}

export interface SgxMeasurement extends Common {
  readonly tee: "sgx";
  readonly mrEnclave: string;
  readonly mrSigner: string;
  readonly isvProdId: number;
  readonly isvSvn: number;
  /** Key separation and sharing (KSS); zeros where the enclave does not use it, as the next three. */
  readonly configId: string;
  readonly configSvn: number;
  readonly isvExtProdId: string;
  readonly isvFamilyId: string;
}

export interface TdxMeasurement extends Common {
  readonly tee: "tdx";
  readonly mrTd: string;
  readonly rtmr0: string;
  readonly rtmr1: string;
  readonly rtmr2: string;
  readonly rtmr3: string;
  readonly mrConfigId: string;
  readonly mrOwner: string;
  readonly mrOwnerConfig: string;
  readonly mrSeam: string;
  /** TDX 1.5 only; zero where no service TD is bound. */
  readonly mrServiceTd?: string;
  /** A number of 64 bits, most significant digit first; the next too. */
  readonly xfam: string;
  readonly tdAttributes: string;
  readonly teeTcbSvn: string;
}

export interface SnpMeasurement extends Common {
  readonly tee: "sev-snp";
  readonly measurement: string;
  readonly hostData: string;
  readonly idKeyDigest: string;
  readonly authorKeyDigest: string;
  readonly familyId: string;
  readonly imageId: string;
  readonly guestSvn: number;
  /** 0 is the most privileged; above 3: the host asked for the report. */
  readonly vmpl: number;
  readonly chipId: string;
}

export interface CcaMeasurement extends Common {
  readonly tee: "cca";
  /** Realm initial measurement. */
  readonly rim: string;
  /** Realm extensible measurements. */
  readonly rem0: string;
  readonly rem1: string;
  readonly rem2: string;
  readonly rem3: string;
  readonly personalizationValue: string;
  readonly implementationId: string;
  readonly instanceId: string;
  /** Of the platform's firmware, in the token's order. */
  readonly softwareMeasurements: readonly string[];
}

export interface PsaMeasurement extends Common {
  readonly tee: "psa";
  /** Of the device's firmware, in the token's order. */
  readonly softwareMeasurements: readonly string[];
  readonly signerIds: readonly string[];
  readonly implementationId: string;
  readonly instanceId: string;
}

/** `pcr0` to `pcr31`, as far as the document has them. */
export type NitroMeasurement = Common & {
  readonly tee: "nitro";
  readonly moduleId: string;
} & { readonly [K in `pcr${number}`]?: string };

/** Its `tee` is the form of the evidence, also where the verdict's own says `simulated`. */
export type MeasurementVerdict =
  | SgxMeasurement
  | TdxMeasurement
  | SnpMeasurement
  | CcaMeasurement
  | PsaMeasurement
  | NitroMeasurement;
