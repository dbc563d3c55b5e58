/**
 * The floors of the house: a file imports only from floors below its own, another package only by its name, and only
 * what that package's package.json of the importer lists. Fails when it saw no files, so that it cannot pass by accident.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const FLOORS: Readonly<Record<string, number>> = {
  "packages/errors": 0,
  "packages/linux": 0,
  "packages/cli": 1,
  "packages/oci": 1,
  "packages/pal": 1,
  "packages/sgx": 1,
  "packages/ttrpc": 1,
  "packages/x509": 1,
  "packages/attestation": 2,
  "packages/enclave-image": 2,
  "packages/sgx-sim": 2,
  "packages/container": 3,
  "packages/enclave-tls": 3,
  "runtimes/wasm": 3,
};
const APP_FLOOR = 4;
/** The one import within a floor: the Linux calls report their failures as the project's errors. */
const SAME_FLOOR = new Set(["packages/linux -> packages/errors"]);
/** Node modules that only the upper floors and the Linux package may use: they reach out of the process. */
const REACHING_OUT = /^node:(child_process|net|tls|http|https|dgram|cluster)$/u;
/** Files below floor 3 that reach out all the same. They lie in rooms that have an export of their own. */
const MAY_REACH_OUT = new Set([
  "packages/attestation/src/attesters/aesm/connection.ts",
  "packages/attestation/src/collateral/http.ts",
]);
/** Rooms that the rest of their package must not import: what verifies reads neither network nor device. */
const ROOMS_APART = ["packages/attestation/src/attesters/", "packages/attestation/src/collateral/"];

const root = join(import.meta.dirname, "..");
const IMPORT =
  /(?:^|\n)(?:import|export)\s+(?:[\w\s{},*$]+\s+from\s+)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/gu;

interface Member {
  readonly folder: string;
  readonly floor: number;
  readonly dependencies: ReadonlySet<string>;
  /** What others may import: the package's name, and names below it. */
  readonly exports: ReadonlySet<string>;
}

interface PackageFile {
  readonly name: string;
  readonly dependencies?: Record<string, string>;
  readonly exports?: Record<string, string>;
}

function readMembers(): Map<string, Member> {
  const members = new Map<string, Member>();
  for (const file of globSync("{packages,runtimes,apps}/*/package.json", { cwd: root })) {
    const folder = file.split("/").slice(0, 2).join("/");
    const text = readFileSync(join(root, file), "utf8");
    const { name, dependencies = {}, exports = {} } = JSON.parse(text) as PackageFile;
    const floor = folder.startsWith("apps/") ? APP_FLOOR : FLOORS[folder];
    if (floor === undefined) throw new Error(`${folder} has no floor; give it one in tools/boundaries.ts`);
    members.set(name, {
      folder,
      floor,
      dependencies: new Set(Object.keys(dependencies)),
      exports: new Set(Object.keys(exports).map((path) => join(name, path))),
    });
  }
  return members;
}

interface Importer {
  readonly member: Member;
  readonly file: string;
  readonly isTest: boolean;
}

function checkImport(
  { member: from, file, isTest }: Importer,
  specifier: string,
  members: Map<string, Member>,
): string | undefined {
  const isLow = from.floor < 3 && from.folder !== "packages/linux" && !isTest && !MAY_REACH_OUT.has(file);
  if (REACHING_OUT.test(specifier) && isLow) return `${specifier} belongs to floor 3 and up`;
  if (specifier.startsWith(".")) {
    const target = join(file, "..", specifier);
    if (!target.startsWith(`${from.folder}/`)) return `${specifier} leaves the package`;
    const room = ROOMS_APART.find((apart) => target.startsWith(apart) && !file.startsWith(apart));
    if (room !== undefined && !isTest) return `${specifier} lies in ${room}, which stands apart`;
  }
  if (specifier.startsWith(".") || specifier.startsWith("node:") || isTest) return undefined;
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  if (!from.dependencies.has(name)) return `${name} is not among the dependencies of ${from.folder}`;
  const to = members.get(name);
  if (to === undefined) return undefined;
  if (!to.exports.has(specifier)) return `${specifier} is not an export of ${to.folder}`;
  const allowed = to.floor < from.floor || SAME_FLOOR.has(`${from.folder} -> ${to.folder}`);
  return allowed ? undefined : `${to.folder} (floor ${to.floor}) is not below ${from.folder} (floor ${from.floor})`;
}

const members = readMembers();
const problems: string[] = [];
let seen = 0;
for (const from of members.values()) {
  const files = globSync(`${from.folder}/{src,test}/**/*.ts`, { cwd: root });
  for (const file of files) {
    seen += 1;
    const isTest = /\.test\.ts$|\/test\//u.test(file);
    for (const [, statement, dynamic] of readFileSync(join(root, file), "utf8").matchAll(IMPORT)) {
      const specifier = statement ?? dynamic ?? "";
      const problem = checkImport({ member: from, file, isTest }, specifier, members);
      if (problem !== undefined) problems.push(`${file}: ${problem}`);
    }
  }
}
for (const problem of problems) console.error(problem);
if (seen < members.size) {
  console.error(`boundaries: saw only ${seen} files of ${members.size} packages`);
  process.exit(1);
}
console.error(`boundaries: ${seen} files of ${members.size} packages, ${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);
