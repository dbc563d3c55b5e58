/** The SGX extensions of a PCK certificate. @see Intel SGX PCK Certificate and CRL Profile Specification, section 1.3.5 */
import {
  type Certificate,
  type DerNode,
  expectTag,
  readBoolean,
  readDer,
  readOctetString,
  readOid,
  readSmallInteger,
} from "@inclavare/x509";
import { CheckFailure, inStep } from "../check.ts";
import type { PlatformTcb } from "./tcb-level.ts";

const SGX = "1.2.840.113741.1.13.1";
const COMPONENT_OIDS = Array.from({ length: 16 }, (_, index) => `${SGX}.2.${index + 1}`);
const SGX_TYPES = ["Standard", "Scalable", "Scalable with integrity"] as const;

/** What Intel certifies of a platform. */
export interface PckExtensions {
  /** 16 bytes. */
  readonly ppid: Uint8Array;
  readonly tcb: PlatformTcb;
  /** 16 bytes. */
  readonly cpuSvn: Uint8Array;
  /** 2 bytes. */
  readonly pceId: Uint8Array;
  /** 6 bytes. */
  readonly fmspc: Uint8Array;
  readonly sgxType: (typeof SGX_TYPES)[number];
  /** 16 bytes; the Platform CA's certificates only, as the next. */
  readonly platformInstanceId?: Uint8Array;
  readonly configuration?: {
    readonly dynamicPlatform?: boolean;
    readonly cachedKeys?: boolean;
    readonly smtEnabled?: boolean;
  };
}

/** @throws CheckFailure ERR_PCK_CHAIN */
export function readPckExtensions({ extensions }: Certificate): PckExtensions {
  const what = "SGX extension of the PCK certificate";
  const extension = extensions.get(SGX);
  if (extension === undefined) throw new CheckFailure("ERR_PCK_CHAIN", `${what} (${SGX}) is missing`);
  return inStep("ERR_PCK_CHAIN", what, () => {
    const fields = readFields(readDer(extension.value, what), what);
    const tcb = readFields(fields.get(`${SGX}.2`), `${what}, TCB`);
    const instance = fields.get(`${SGX}.6`);
    const configuration = fields.get(`${SGX}.7`);
    const components = COMPONENT_OIDS.map((oid) => readSmallInteger(tcb.get(oid), 0xff, `${what}, component ${oid}`));
    const sgxType = SGX_TYPES[readSmallInteger(fields.get(`${SGX}.5`), 2, `${what}, SGX type`, "enumerated")];
    return {
      ppid: octets(fields.get(`${SGX}.1`), 16, `${what}, PPID`),
      tcb: { components, pceSvn: readSmallInteger(tcb.get(`${SGX}.2.17`), 0xffff, `${what}, PCESVN`) },
      cpuSvn: octets(tcb.get(`${SGX}.2.18`), 16, `${what}, CPUSVN`),
      pceId: octets(fields.get(`${SGX}.3`), 2, `${what}, PCEID`),
      fmspc: octets(fields.get(`${SGX}.4`), 6, `${what}, FMSPC`),
      sgxType: sgxType ?? "Standard",
      ...(instance === undefined ? {} : { platformInstanceId: octets(instance, 16, `${what}, instance id`) }),
      ...(configuration === undefined ? {} : { configuration: readConfiguration(configuration, what) }),
    };
  });
}

function readConfiguration(node: DerNode, what: string): NonNullable<PckExtensions["configuration"]> {
  const fields = readFields(node, `${what}, configuration`);
  const flag = <K extends string>(suffix: number, name: K): Partial<Record<K, boolean>> => {
    const value = fields.get(`${SGX}.7.${suffix}`);
    return value === undefined ? {} : ({ [name]: readBoolean(value, `${what}, ${name}`) } as Record<K, boolean>);
  };
  return { ...flag(1, "dynamicPlatform"), ...flag(2, "cachedKeys"), ...flag(3, "smtEnabled") };
}

/** SEQUENCE OF SEQUENCE { OID, value }; an OID that is there twice is refused. */
function readFields(node: DerNode | undefined, what: string): ReadonlyMap<string, DerNode> {
  const fields = new Map<string, DerNode>();
  for (const entry of expectTag(node, "sequence", what).children) {
    const [type, value, ...surplus] = expectTag(entry, "sequence", what).children;
    const oid = readOid(type, what);
    if (value === undefined || surplus.length > 0 || fields.has(oid)) {
      throw new CheckFailure("ERR_PCK_CHAIN", `${what} has a malformed or repeated entry ${oid}`);
    }
    fields.set(oid, value);
  }
  return fields;
}

function octets(node: DerNode | undefined, sizeBytes: number, what: string): Uint8Array {
  const bytes = readOctetString(node, what);
  if (bytes.length === sizeBytes) return bytes;
  throw new CheckFailure("ERR_PCK_CHAIN", `${what} has ${bytes.length} bytes, expected ${sizeBytes}`);
}
