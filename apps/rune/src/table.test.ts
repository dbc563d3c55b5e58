import assert from "node:assert/strict";
import { it } from "node:test";
import { formatTable } from "./table.ts";

it("formatTable lays a table out as runc does", () =>
  assert.equal(
    formatTable([
      ["ID", "PID", "OWNER"],
      ["a-long-identifier", "8765", "root"],
    ]),
    "ID                  PID         OWNER\na-long-identifier   8765        root\n",
  ));
