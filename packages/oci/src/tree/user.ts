import { InclavareError } from "@inclavare/errors";
import { resolveInTree } from "./lookup.ts";
import type { FileTree } from "./types.ts";

const FILE_LIMIT_BYTES = 4 * 1024 * 1024;
const MAX_ID = 0x7f_ff_ff_ff;

/** Who a process runs as. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** The further groups in which /etc/group lists the user; none where a group was named. */
  readonly additionalGids: readonly number[];
}

interface PasswdLine {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

interface GroupLine {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/**
 * Who the `User` of an image configuration is: nothing, `user`, `uid`, `user:group`, in names or numbers. By docker's
 * rules: a number is always an id and need not be in /etc/passwd, where it then has group 0.
 * @throws ERR_OCI_USER for a name that is not there, and for an id beyond 2^31 - 1.
 */
export async function resolveUser(tree: Pick<FileTree, "entries">, user: string): Promise<ResolvedUser> {
  const [userPart = "", groupPart = "", ...rest] = user.split(":");
  if (rest.length > 0) throw unknown(user, "has more than one colon");
  const passwd = parsePasswd(await readText(tree, "/etc/passwd"));
  const groups = parseGroup(await readText(tree, "/etc/group"));
  const wanted = userPart === "" ? "0" : userPart;
  const id = parseId(wanted, user);
  const line = passwd.find((entry) => (id === undefined ? entry.name === wanted : entry.uid === id));
  const uid = id ?? line?.uid;
  if (uid === undefined) throw unknown(user, `names a user that is not in /etc/passwd`);
  if (groupPart !== "") return { uid, gid: findGroup(groups, groupPart, user), additionalGids: [] };
  const gid = line?.gid ?? 0;
  const member = groups.filter((group) => line !== undefined && group.members.includes(line.name));
  return { uid, gid, additionalGids: [...new Set(member.map((group) => group.gid))].filter((other) => other !== gid) };
}

function findGroup(groups: readonly GroupLine[], wanted: string, user: string): number {
  const gid = parseId(wanted, user) ?? groups.find((group) => group.name === wanted)?.gid;
  if (gid === undefined) throw unknown(user, `names a group that is not in /etc/group`);
  return gid;
}

function parseId(text: string, user: string): number | undefined {
  if (!/^\d+$/u.test(text)) return undefined;
  const id = Number(text);
  if (id > MAX_ID) throw unknown(user, `has an id beyond ${MAX_ID}`);
  return id;
}

function parsePasswd(text: string): PasswdLine[] {
  return linesOf(text).flatMap(([name = "", , uid = "", gid = ""]) =>
    isId(uid) && isId(gid) ? [{ name, uid: Number(uid), gid: Number(gid) }] : [],
  );
}

function parseGroup(text: string): GroupLine[] {
  return linesOf(text).flatMap(([name = "", , gid = "", members = ""]) =>
    isId(gid) ? [{ name, gid: Number(gid), members: members.split(",").map((member) => member.trim()) }] : [],
  );
}

function isId(text: string): boolean {
  return /^\d{1,10}$/u.test(text) && Number(text) <= MAX_ID;
}

function linesOf(text: string): string[][] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":").map((field) => field.trim()));
}

async function readText(tree: Pick<FileTree, "entries">, path: string): Promise<string> {
  const entry = resolveInTree(tree, path);
  if (entry?.type !== "file") return "";
  if (entry.sizeBytes > FILE_LIMIT_BYTES) {
    throw new InclavareError(
      "ERR_OCI_LIMIT",
      `${path} is ${entry.sizeBytes} bytes long, at most ${FILE_LIMIT_BYTES} are read`,
    );
  }
  return Buffer.from(await entry.read()).toString("utf8");
}

function unknown(user: string, message: string): InclavareError {
  return new InclavareError("ERR_OCI_USER", `user ${JSON.stringify(user)} ${message}`, { details: { user } });
}
