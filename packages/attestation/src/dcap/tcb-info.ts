/** TCB Info: the TCB levels of one platform type. @see Intel PCS API v4, "Get TCB Info", versions 2 and 3 */
import * as v from "valibot";
import {
  advisories,
  enclaveLevel,
  type EnclaveLevel,
  hexBytes,
  parseDocument,
  periodMembers,
  timestamp,
  u16,
  u8,
} from "./document.ts";
import { PLATFORM_STATUSES, type PlatformStatus } from "./tcb-status.ts";

const COMPONENTS = 16;
const MOST_LEVELS = 256;

export interface PlatformLevel {
  /** Sixteen SVNs, in the order of the PCK certificate's extensions .2.1 to .2.16. */
  readonly components: readonly number[];
  readonly pceSvn: number;
  /** TDX only: sixteen SVNs, in the order of TEE_TCB_SVN. */
  readonly tdxComponents?: readonly number[];
  readonly tcbDate: Date;
  readonly status: PlatformStatus;
  readonly advisories: readonly string[];
}

/** What a genuine TDX module looks like in the TD report. */
export interface TdxModule {
  /** 48 bytes, compared with MRSIGNERSEAM. */
  readonly mrSigner: Uint8Array;
  /** 8 bytes each, compared with SEAMATTRIBUTES. */
  readonly attributes: Uint8Array;
  readonly attributesMask: Uint8Array;
}

/** A major version of the TDX module, with levels of its own. */
export interface TdxModuleIdentity extends TdxModule {
  /** Such as `TDX_01`, in upper case. */
  readonly id: string;
  /** Newest first. */
  readonly levels: readonly EnclaveLevel[];
}

export interface TcbInfo {
  readonly version: 2 | 3;
  /** Version 2 has no id, and is always SGX's. */
  readonly tee: "SGX" | "TDX";
  readonly issueDate: Date;
  readonly nextUpdate: Date;
  readonly evaluationDataNumber: number;
  /** 6 bytes. */
  readonly fmspc: Uint8Array;
  /** 2 bytes. */
  readonly pceId: Uint8Array;
  /** TDX only; for modules of version 0. */
  readonly tdxModule?: TdxModule;
  /** For modules of any other version; empty where the platform has none. */
  readonly tdxModuleIdentities: readonly TdxModuleIdentity[];
  /** Newest first. */
  readonly levels: readonly PlatformLevel[];
}

const status = v.picklist(PLATFORM_STATUSES);

const levelMembers = { tcbDate: timestamp, tcbStatus: status, advisoryIDs: advisories };

const componentNames = Array.from({ length: COMPONENTS }, (_, index) => {
  return `sgxtcbcomp${String(index + 1).padStart(2, "0")}svn`;
});

const levelV2 = v.pipe(
  v.object({
    tcb: v.object({ ...Object.fromEntries(componentNames.map((name) => [name, u8])), pcesvn: u16 }),
    ...levelMembers,
  }),
  v.transform(({ tcb, ...level }) => {
    const values = tcb as Readonly<Record<string, number>>;
    return toLevel({ ...level, components: componentNames.map((name) => values[name] ?? 0), pceSvn: tcb.pcesvn });
  }),
);

/** Sixteen objects with an SVN each, read by hand: there are hundreds of them in a document. */
const components = v.pipe(
  v.array(v.unknown()),
  v.length(COMPONENTS),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const svns = dataset.value.map(svnOf);
    if (svns.every((svn) => svn !== undefined)) return svns;
    addIssue({ message: "not sixteen components with an SVN from 0 to 255 each" });
    return NEVER;
  }),
);

function svnOf(component: unknown): number | undefined {
  if (typeof component !== "object" || component === null || !("svn" in component)) return undefined;
  const { svn } = component;
  return typeof svn === "number" && Number.isInteger(svn) && svn >= 0 && svn <= 0xff ? svn : undefined;
}

const levelV3 = v.pipe(
  v.object({
    tcb: v.object({ sgxtcbcomponents: components, pcesvn: u16, tdxtcbcomponents: v.exactOptional(components) }),
    ...levelMembers,
  }),
  v.transform(({ tcb, ...level }) => {
    const { sgxtcbcomponents, pcesvn, tdxtcbcomponents } = tcb;
    const tdx = tdxtcbcomponents === undefined ? {} : { tdxComponents: tdxtcbcomponents };
    return toLevel({ ...level, components: sgxtcbcomponents, pceSvn: pcesvn, ...tdx });
  }),
);

const moduleMembers = { mrsigner: hexBytes(48), attributes: hexBytes(8), attributesMask: hexBytes(8) };

const tdxModule = v.pipe(
  v.object(moduleMembers),
  v.transform(({ mrsigner, ...rest }) => ({ mrSigner: mrsigner, ...rest })),
);

const tdxModuleIdentity = v.pipe(
  v.object({
    id: v.pipe(v.string(), v.maxLength(64), v.toUpperCase()),
    ...moduleMembers,
    tcbLevels: levels(enclaveLevel),
  }),
  v.transform(({ mrsigner, tcbLevels, ...rest }) => ({ mrSigner: mrsigner, levels: tcbLevels, ...rest })),
);

const members = {
  ...periodMembers,
  fmspc: hexBytes(6),
  pceId: hexBytes(2),
  // Another type would define the components otherwise; Intel has published none.
  tcbType: v.literal(0),
};

const schema = v.variant("version", [
  v.object({ version: v.literal(2), ...members, tcbLevels: levels(levelV2) }),
  v.object({
    version: v.literal(3),
    id: v.picklist(["SGX", "TDX"]),
    ...members,
    tdxModule: v.exactOptional(tdxModule),
    tdxModuleIdentities: v.exactOptional(v.pipe(v.array(tdxModuleIdentity), v.maxLength(MOST_LEVELS))),
    tcbLevels: levels(levelV3),
  }),
]);

/** @throws CheckFailure ERR_COLLATERAL_CONTENT, also for a status that this release does not know */
export function parseTcbInfo(text: string): TcbInfo {
  const document = parseDocument(text, schema, "TCB Info");
  const { version, tdxModule, tdxModuleIdentities = [] } = document.version === 2 ? { version: 2 as const } : document;
  const tee = document.version === 2 ? "SGX" : document.id;
  return {
    version,
    tee,
    issueDate: document.issueDate,
    nextUpdate: document.nextUpdate,
    evaluationDataNumber: document.tcbEvaluationDataNumber,
    fmspc: document.fmspc,
    pceId: document.pceId,
    ...(tdxModule === undefined ? {} : { tdxModule }),
    tdxModuleIdentities,
    levels: document.tcbLevels,
  };
}

function levels<S extends v.GenericSchema>(level: S) {
  return v.pipe(v.array(level), v.minLength(1), v.maxLength(MOST_LEVELS));
}

function toLevel(level: {
  readonly components: readonly number[];
  readonly pceSvn: number;
  /** TDX only: sixteen SVNs, in the order of TEE_TCB_SVN. */
  readonly tdxComponents?: readonly number[];
  readonly tcbDate: Date;
  readonly tcbStatus: PlatformStatus;
  readonly advisoryIDs: readonly string[];
}): PlatformLevel {
  const { tcbStatus, advisoryIDs, ...rest } = level;
  return { ...rest, status: tcbStatus, advisories: advisoryIDs };
}
