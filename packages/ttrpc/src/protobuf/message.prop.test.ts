import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  bool,
  bytes,
  double,
  int32,
  int64,
  message,
  nested,
  repeated,
  STATUS,
  text,
  textMap,
  TtrpcError,
  uint32,
  uint64,
} from "../index.ts";

const inner = message({ name: text(1), sizes: repeated(uint64(2)) });
const all = message({
  text: text(1),
  bytes: bytes(2),
  bool: bool(3),
  uint32: uint32(4),
  int32: int32(5),
  uint64: uint64(6),
  int64: int64(7),
  double: double(8),
  inner: nested(9, inner),
  texts: repeated(text(10)),
  inners: repeated(nested(11, inner)),
  doubles: repeated(double(12)),
  labels: textMap(1000),
});

const plain = { noNullPrototype: true };
const innerValue = fc.record(
  {
    name: fc.string({ unit: "binary" }),
    sizes: fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  },
  plain,
);
const allValue = fc.record(
  {
    text: fc.string({ unit: "binary" }),
    bytes: fc.uint8Array(),
    bool: fc.boolean(),
    uint32: fc.nat({ max: 0xffff_ffff }),
    int32: fc.integer(),
    uint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    double: fc.double(),
    inner: fc.option(innerValue, { nil: undefined }),
    texts: fc.array(fc.string()),
    inners: fc.array(innerValue),
    doubles: fc.array(fc.double()),
    labels: fc.array(fc.tuple(fc.string(), fc.string())).map((pairs) => new Map(pairs)),
  },
  plain,
);

describe("messages", () => {
  it("come out as they went in", () => {
    fc.assert(fc.property(allValue, (value) => assert.deepEqual(all.decode(all.encode(value)), value)));
  });

  it("any bytes give a message or INVALID_ARGUMENT", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
        try {
          all.decode(input);
        } catch (error) {
          assert.ok(error instanceof TtrpcError);
          assert.equal(error.status, STATUS.invalidArgument);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("any change of a good message gives a message or INVALID_ARGUMENT", () => {
    fc.assert(
      fc.property(allValue, fc.nat(), fc.nat({ max: 255 }), (value, at, byte) => {
        const encoded = all.encode(value);
        if (encoded.length > 0) encoded[at % encoded.length] = byte;
        try {
          all.decode(encoded);
        } catch (error) {
          assert.ok(error instanceof TtrpcError);
        }
      }),
    );
  });
});
