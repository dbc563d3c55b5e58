import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import { joinSignedBody, splitSignedBody } from "./signed-body.ts";

const signature = "ab".repeat(64);

describe("answers of a document and its signature", () => {
  it("give the document's text to the byte, whatever it holds, in either order, with white space around", () => {
    const space = fc.constantFrom("", " ", "\n\t", "\r\n ");
    const document = fc.dictionary(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(document, space, fc.boolean(), fc.constantFrom(0, 2), (value, gap, isReversed, indent) => {
        const text = JSON.stringify(value, null, indent);
        const members = [`"tcbInfo"${gap}:${gap}${text}${gap}`, `"signature":"${signature}"`];
        if (isReversed) members.reverse();
        const body = `${gap}{${gap}${members.join(`,${gap}`)}}${gap}`;
        assert.deepEqual(splitSignedBody(body, "tcbInfo"), { text, signature });
      }),
    );
  });

  it("survive joining", () => {
    const text = '{"a":"\\"}{","b":[1,{"c":null}]}';
    assert.deepEqual(splitSignedBody(joinSignedBody({ text, signature }, "enclaveIdentity"), "enclaveIdentity"), {
      text,
      signature,
    });
    assert.equal(splitSignedBody(`{"tcbInfo":{},"signature":"${signature}"}\0`, "tcbInfo").text, "{}");
  });

  it("of any other form are refused, with a code", () => {
    const wrong = [
      "",
      "null",
      "[]",
      "{}",
      `{"tcbInfo":{},"signature":"${signature}","more":1}`,
      `{"tcbInfo":{},"tcbInfo":{},"signature":"${signature}"}`,
      `{"tcbInfo":[],"signature":"${signature}"}`,
      `{"tcbInfo":{},"signature":"${signature}00"}`,
      `{"tcbInfo":{},"signature":"${"zz".repeat(64)}"}`,
      `{"tcbInfo":{},"signature":1}`,
      `{"tcbInfo":{},"signature":"${signature}"} x`,
      `{"tcbInfo":{"a":"${"x".repeat(1 << 20)}"},"signature":"${signature}"}`,
    ];
    const isOurs = (error: unknown): boolean => isInclavareError(error, "ERR_COLLATERAL_FORMAT");
    for (const body of wrong) assert.throws(() => splitSignedBody(body, "tcbInfo"), isOurs);
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (body) => {
        assert.throws(() => splitSignedBody(body, "tcbInfo"), isOurs);
      }),
    );
  });
});
