import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { it } from "node:test";
import { TCB_STATUSES } from "../src/index.ts";
import { ALLOWANCES } from "../src/policy.ts";
import { REFERENCE_FIELDS, type ReferenceField } from "../src/reference-fields.ts";
import { SNP_PRODUCTS } from "../src/snp/product.ts";

const FILE = new URL("../schema/policy.schema.json", import.meta.url);

type Schema = Readonly<Record<string, unknown>>;

it("schema/policy.schema.json says what the checks do; UPDATE_SCHEMA=1 writes it anew", () => {
  const text = `${JSON.stringify(policySchema(), undefined, 2)}\n`;
  if (process.env["UPDATE_SCHEMA"] === "1") writeFileSync(FILE, text);
  assert.equal(readFileSync(FILE, "utf8"), text);
});

/** Made of the very tables that the checks are made of. */
function policySchema(): Schema {
  const spl = small(0xff);
  const tcb = object({ fmc: spl, bootLoader: spl, tee: spl, snp: spl, microcode: spl });
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Attestation policy",
    description: "What evidence is wanted. See docs/attestation.md.",
    ...object({
      comment: { type: "array", maxItems: 4096, items: { type: "string", maxLength: 1024 } },
      referenceValues: {
        type: "array",
        maxItems: 4096,
        items: { anyOf: Object.values(REFERENCE_FIELDS).map(referenceSchema) },
      },
      guestImages: {
        description: "Guests whose word about their containers counts; measured as a whole.",
        type: "array",
        maxItems: 4096,
        items: {
          anyOf: (["tdx", "sev-snp", "cca"] as const).map((tee) => {
            const whole = { tdx: ["mrTd", "rtmr0", "rtmr1", "rtmr2"], "sev-snp": ["measurement"], cca: ["rim"] }[tee];
            return { ...referenceSchema(REFERENCE_FIELDS[tee]), required: whole };
          }),
        },
      },
      acceptedTcbStatuses: { type: "array", items: { enum: TCB_STATUSES.filter((status) => status !== "Revoked") } },
      acceptedAdvisories: { type: "array", maxItems: 4096, items: { type: "string" } },
      minEvaluationDataNumber: { type: "integer", minimum: 0 },
      maxAgeSeconds: small(0xffff_ffff),
      acceptedVmpls: { type: "array", maxItems: 4096, items: small(0xffff_ffff) },
      minSnpTcb: object(Object.fromEntries(SNP_PRODUCTS.map((product) => [product, tcb]))),
      minTdxModuleSvn: {
        type: "object",
        propertyNames: { pattern: "^(0|[1-9][0-9]{0,2})$" },
        additionalProperties: spl,
      },
      acceptedFmspcs: hexList("^[0-9a-fA-F]{12}$"),
      refusedFmspcs: hexList("^[0-9a-fA-F]{12}$"),
      acceptedPlatforms: hexList("^([0-9a-fA-F]{2}){16,64}$"),
      refusedPlatforms: hexList("^([0-9a-fA-F]{2}){16,64}$"),
      allow: { type: "array", items: { enum: ALLOWANCES } },
    }),
  };
}

/** A reference of one TEE: its members, one of which at least identifies software. */
function referenceSchema(fields: Readonly<Record<string, ReferenceField>>): Schema {
  const members = Object.entries(fields).map(([name, { what, value }]) => [
    name,
    { description: what, ...valueSchema(value) },
  ]);
  const identifying = Object.entries(fields).filter(([, { identifies }]) => identifies === true);
  return {
    ...object({ ...Object.fromEntries(members), source: { type: "string", maxLength: 1024 } }),
    anyOf: identifying.map(([name]) => ({ required: [name] })),
  };
}

function valueSchema(value: ReferenceField["value"]): Schema {
  if ("most" in value) return small(value.most);
  const hash = { type: "string", pattern: "^([0-9a-fA-F]{64}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128})$" };
  if ("hash" in value) return hash;
  if ("hashes" in value) return { type: "array", maxItems: value.hashes, items: hash };
  return { type: "string", pattern: `^[0-9a-fA-F]{${2 * value.hexBytes}}$` };
}

function hexList(pattern: string): Schema {
  return { type: "array", maxItems: 4096, items: { type: "string", pattern } };
}

function small(most: number): Schema {
  return { type: "integer", minimum: 0, maximum: most };
}

function object(properties: Schema): Schema {
  return { type: "object", properties, additionalProperties: false };
}
