/** Turns a valibot schema into JSON Schema (2020-12), as far as the manifest's schema goes; anything else throws. */

interface Node {
  readonly kind: string;
  readonly type: string;
  readonly pipe?: readonly Node[];
  readonly entries?: Readonly<Record<string, Node>>;
  readonly item?: Node;
  readonly items?: readonly Node[];
  readonly options?: readonly Node[];
  readonly key?: Node;
  readonly value?: Node;
  readonly literal?: string | number | boolean;
  readonly requirement?: unknown;
}

type Json = Readonly<Record<string, unknown>>;

export function toJsonSchema(schema: unknown): Json {
  return convert(schema as Node);
}

function convert(node: Node): Json {
  const [first, ...actions] = node.pipe ?? [node];
  if (first === undefined) throw new Error("an empty pipe");
  // A pipe's first part may be a pipe itself.
  const base = first === node ? convertSchema(node) : convert(first);
  return actions.reduce<Json>((result, action) => ({ ...result, ...convertAction(action, result) }), base);
}

function convertSchema(node: Node): Json {
  switch (node.type) {
    case "string":
    case "number":
    case "boolean":
      return { type: node.type };
    case "literal":
      return { const: node.literal };
    case "array":
      return { type: "array", items: convert(expected(node.item)) };
    case "strict_tuple":
      return { type: "array", maxItems: expected(node.items).length };
    case "union":
      return { oneOf: expected(node.options).map(convert) };
    case "record":
      return {
        type: "object",
        propertyNames: convert(expected(node.key)),
        additionalProperties: convert(expected(node.value)),
      };
    case "strict_object": {
      const entries = Object.entries(expected(node.entries));
      return {
        type: "object",
        properties: Object.fromEntries(entries.map(([name, entry]) => [name, convert(entry)])),
        required: entries.map(([name]) => name),
        additionalProperties: false,
      };
    }
    default:
      throw new Error(`no JSON schema for ${node.type}`);
  }
}

function convertAction({ type, requirement }: Node, { type: base }: Json): Json {
  switch (type) {
    case "integer":
      return { type: "integer" };
    case "min_value":
      return { minimum: requirement };
    case "max_value":
      return { maximum: requirement };
    case "multiple_of":
      return { multipleOf: requirement };
    case "max_length":
      return base === "array" ? { maxItems: requirement } : { maxLength: requirement };
    case "min_length":
      return base === "array" ? { minItems: requirement } : { minLength: requirement };
    case "regex":
      return { pattern: (requirement as RegExp).source };
    case "check":
      // A rule that JSON Schema cannot say; docs/enclave-manifest.md does.
      return {};
    default:
      throw new Error(`no JSON schema for ${type}`);
  }
}

function expected<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("a schema without the part that it must have");
  return value;
}
