// Writes wire.d.ts, the types of what the server answers, from openapi.json. With --check it only compares.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const TARGET = "wire.d.ts";

const stored = readFileSync("openapi.json");
// For the tests, which have no Node.js and still see when one file is older than the other.
const digest = createHash("sha256").update(stored).digest("hex");
const types = await openapiTS(JSON.parse(stored), { rootTypes: true, rootTypesNoSchemaPrefix: true, defaultNonNullable: false });
const text = `// Made of openapi.json by "make ui-types". SHA-256 of that: ${digest}\n\n${astToString(types)}`;

if (!process.argv.includes("--check")) {
  writeFileSync(TARGET, text);
} else if (readFileSync(TARGET, "utf8") !== text) {
  console.error(`${TARGET} is not what openapi.json says. Run: make ui-types`);
  process.exit(1);
}
