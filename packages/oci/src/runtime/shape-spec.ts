import {
  all,
  flag,
  integer,
  listOf,
  mapOf,
  optional,
  record,
  required,
  text,
  textLike,
  type Faults,
  type Shape,
} from "../json/shape.ts";
import { idMappings, linux } from "./shape-linux.ts";
import { processShape } from "./shape-process.ts";
import { absolutePath, environment, path, strings } from "./shape-values.ts";
import type { RuntimeSpec, SpecHook, SpecHooks, SpecMount, SpecOutline, SpecRoot } from "./spec.ts";

/** sethostname(2): __NEW_UTS_LEN. */
const MOST_HOST_NAME_BYTES = 64;
/** Without a type these options say what a mount is. */
const TYPELESS = /^(?:r?bind|remount|r?(?:private|shared|slave|unbindable))$/u;

const hooks: Shape<readonly SpecHook[]> = listOf(
  record<SpecHook>({
    path: required(absolutePath),
    args: optional(strings),
    env: optional(environment),
    timeout: optional(integer(1, 2 ** 31 - 1)),
  }),
);

const mount: Shape<SpecMount> = all(
  record<SpecMount>({
    destination: required(absolutePath),
    type: optional(text),
    source: optional(text),
    options: optional(strings),
    uidMappings: optional(idMappings),
    gidMappings: optional(idMappings),
  }),
  ({ type = "", source = "", options = [], uidMappings, gidMappings }, at, faults) => {
    const isBind = type === "bind" || options.includes("bind") || options.includes("rbind");
    if (isBind && source === "") faults.add(`${at}.source`, "required for a bind mount, got nothing");
    if (type === "" && !options.some((option) => TYPELESS.test(option)))
      faults.add(`${at}.type`, "required for a mount that is no bind mount, got nothing");
    if ((uidMappings === undefined) !== (gidMappings === undefined))
      faults.add(at, "expected uidMappings and gidMappings together, got one of them");
  },
);

const hostName: Shape<string> = all(text, (name, at, faults) => {
  const sizeBytes = Buffer.byteLength(name);
  if (sizeBytes > MOST_HOST_NAME_BYTES)
    faults.add(at, `expected at most ${MOST_HOST_NAME_BYTES} bytes, got ${sizeBytes}`);
});

function assertKeys(annotations: Readonly<Record<string, string>>, at: string, faults: Faults): void {
  if (Object.hasOwn(annotations, "")) faults.add(at, "expected keys that are not empty");
}

/** A whole config.json. */
export const runtimeSpec: Shape<RuntimeSpec> = record<RuntimeSpec>(
  {
    ociVersion: required(textLike(/^1\.\d+\.\d+(?:[-+][\w.+-]*)?$/u, "a version 1.x.y of the specification")),
    process: optional(processShape),
    root: optional(record<SpecRoot>({ path: required(path), readonly: optional(flag) })),
    hostname: optional(hostName),
    domainname: optional(hostName),
    mounts: optional(listOf(mount)),
    hooks: optional(
      record<SpecHooks>({
        prestart: optional(hooks),
        createRuntime: optional(hooks),
        createContainer: optional(hooks),
        startContainer: optional(hooks),
        poststart: optional(hooks),
        poststop: optional(hooks),
      }),
    ),
    annotations: optional(all(mapOf(text), assertKeys)),
    linux: optional(linux),
  },
  ["solaris", "windows", "vm", "zos"],
);

/** What says whether a container wants to be more than a plain one. */
export const outline: Shape<SpecOutline> = record<SpecOutline>({
  annotations: optional(mapOf(text)),
  process: optional(record<NonNullable<SpecOutline["process"]>>({ env: optional(strings) })),
});
