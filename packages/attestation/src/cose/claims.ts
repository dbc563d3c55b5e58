/** Reading claims of tokens, each with its type and size. */
import { InclavareError } from "@inclavare/errors";

type ClaimMap = ReadonlyMap<unknown, unknown>;

const CODE = "ERR_EVIDENCE_FORMAT";
const HASH_SIZES: readonly number[] = [32, 48, 64];
const MOST_COMPONENTS = 64;
const MOST_TEXT = 1024;
const UEID_BYTES = 33;
const UEID_RANDOM = 1;

/** A piece of firmware that was measured at boot. @see RFC 9783, section 4.4.1 */
export interface SoftwareComponent {
  readonly measurementType?: string;
  readonly measurementValue: Uint8Array;
  readonly version?: string;
  readonly signerId: Uint8Array;
  readonly measurementDescription?: string;
}

/** Reads claims of one map by their keys, with names for errors. */
export class ClaimReader {
  readonly #claims: ClaimMap;
  readonly #what: string;

  constructor(claims: ClaimMap, what: string) {
    this.#claims = claims;
    this.#what = what;
  }

  has(key: unknown): boolean {
    return this.#claims.has(key);
  }

  /** @param sizes allowed lengths in bytes; or a range. */
  bytes(
    key: unknown,
    name: string,
    sizes: readonly number[] | { readonly least: number; readonly most: number },
  ): Uint8Array {
    const value = this.#claims.get(key);
    const length = value instanceof Uint8Array ? value.length : -1;
    const fits = "least" in sizes ? length >= sizes.least && length <= sizes.most : sizes.includes(length);
    if (value instanceof Uint8Array && fits) return value;
    const expected = "least" in sizes ? `${sizes.least} to ${sizes.most}` : sizes.join(" or ");
    throw this.#wrong(name, `is ${describe(value)}, expected ${expected} bytes`);
  }

  hash(key: unknown, name: string): Uint8Array {
    return this.bytes(key, name, HASH_SIZES);
  }

  /** Bytes that may be left out, or null. */
  optionalBytes(
    key: unknown,
    name: string,
    sizes: { readonly least: number; readonly most: number },
  ): Uint8Array | undefined {
    const value = this.#claims.get(key);
    return value === undefined || value === null ? undefined : this.bytes(key, name, sizes);
  }

  text(key: unknown, name: string): string {
    const value = this.#claims.get(key);
    if (typeof value === "string" && value.length <= MOST_TEXT) return value;
    throw this.#wrong(name, `is ${describe(value)}, expected text of at most ${MOST_TEXT} characters`);
  }

  optionalText(key: unknown, name: string): string | undefined {
    return this.#claims.has(key) ? this.text(key, name) : undefined;
  }

  integer(key: unknown, name: string, range: { readonly least: number; readonly most: number }): number {
    const value = this.#claims.get(key);
    if (Number.isInteger(value) && typeof value === "number" && value >= range.least && value <= range.most)
      return value;
    throw this.#wrong(name, `is ${describe(value)}, expected an integer from ${range.least} to ${range.most}`);
  }

  list(key: unknown, name: string, most: number): readonly unknown[] {
    const value = this.#claims.get(key);
    if (Array.isArray(value) && value.length > 0 && value.length <= most) return value as readonly unknown[];
    throw this.#wrong(name, `is ${describe(value)}, expected a list of 1 to ${most}`);
  }

  /** A UEID of type RAND: 33 bytes, the first of which is 1. @see RFC 9711, section 4.2.1 */
  instanceId(key: unknown, name: string): Uint8Array {
    const value = this.bytes(key, name, [UEID_BYTES]);
    if (value[0] === UEID_RANDOM) return value;
    throw this.#wrong(name, "is no UEID of type RAND");
  }

  softwareComponents(key: unknown, name: string): readonly SoftwareComponent[] {
    return this.list(key, name, MOST_COMPONENTS).map((entry, index) => {
      const what = `${name} ${index + 1}`;
      if (!(entry instanceof Map)) throw this.#wrong(what, `is ${describe(entry)}, expected a map`);
      const reader = new ClaimReader(entry, `${this.#what}, ${what}`);
      const measurementType = reader.optionalText(1, "measurement type");
      const version = reader.optionalText(4, "version");
      const measurementDescription = reader.optionalText(6, "measurement description");
      return {
        ...(measurementType === undefined ? {} : { measurementType }),
        measurementValue: reader.hash(2, "measurement value"),
        ...(version === undefined ? {} : { version }),
        signerId: reader.hash(5, "signer id"),
        ...(measurementDescription === undefined ? {} : { measurementDescription }),
      };
    });
  }

  #wrong(name: string, rule: string): InclavareError {
    return new InclavareError(CODE, `${this.#what}: ${name} ${rule}`);
  }
}

function describe(value: unknown): string {
  if (value === undefined) return "missing";
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return Array.isArray(value) ? `a list of ${value.length}` : typeof value;
}
