import { InclavareError } from "@inclavare/errors";
import { Budget } from "../image/limits.ts";
import { assertIntact, openLayerTar } from "../image/layer-tar.ts";
import type { ImageLimits, OpenedImage } from "../image/types.ts";
import { TarReader, type TarMember } from "../tar/read.ts";
import { drain, StreamSource } from "../tar/source.ts";
import { TreeBuilder } from "./builder.ts";
import { createFileTree } from "./file-tree.ts";
import { cleanPath } from "./path.ts";
import { Spool } from "./spool.ts";
import type { FileTree } from "./types.ts";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
/** Names that the aufs driver left in old layers; they mean nothing elsewhere. */
const AUFS = ".wh..wh.";

export interface FlattenOptions {
  /** Where the temporary file with the contents lies; default: the system's directory. */
  readonly spoolDirectory?: string;
  readonly limits?: ImageLimits;
}

/**
 * Applies an image's layers in order and gives the resulting tree. Contents go to one temporary file that has no name;
 * memory holds names and attributes only. Directories that no layer describes get mode 0755, owner 0 and time 0.
 *
 * Refused, where other tools differ or guess: a name with `..`, an entry or a hard link that leads through a symbolic
 * link, a hard link to what is not there (yet), sparse files, names that are no UTF-8.
 * @throws ERR_OCI_LAYER_PATH, ERR_OCI_LAYER, ERR_OCI_LAYER_UNSUPPORTED, ERR_OCI_LIMIT, ERR_OCI_DIGEST (blob and
 * diff_id), ERR_OCI_ENCRYPTED, ERR_OCI_MEDIA_TYPE, ERR_OCI_BLOB_MISSING, ERR_FILE
 * @see OCI image specification, layer.md
 */
export async function flattenLayers(
  image: Pick<OpenedImage, "layers">,
  { spoolDirectory, limits }: FlattenOptions = {},
): Promise<FileTree> {
  const spool = await Spool.create(spoolDirectory);
  try {
    const budget = new Budget(limits);
    const builder = new TreeBuilder();
    for (const [index, layer] of image.layers.entries()) {
      const what = `layer ${index + 1} (${layer.digest})`;
      const tar = openLayerTar(layer, what, budget);
      try {
        await applyLayer(new TarReader(new StreamSource(tar), what), { builder, spool, budget, layer: index, what });
        await drain(tar);
      } catch (thrown) {
        await assertIntact(layer);
        throw thrown;
      } finally {
        await tar.return();
      }
    }
    await spool.flush();
    return createFileTree(builder.root, spool);
  } catch (thrown) {
    await spool.close();
    throw thrown;
  }
}

interface Application {
  readonly builder: TreeBuilder;
  readonly spool: Spool;
  readonly budget: Budget;
  /** The number of the layer, from 0. */
  readonly layer: number;
  readonly what: string;
}

async function applyLayer(archive: TarReader, application: Application): Promise<void> {
  for (let member = await archive.next(); member !== undefined; member = await archive.next()) {
    account(member, application);
    if (applyWhiteout(member, application)) continue;
    await applyMember(member, archive, application);
  }
}

function account(member: TarMember, { budget, what }: Application): void {
  budget.take("entries", 1, what);
  let bytes = member.name.length + member.linkName.length;
  for (const [key, value] of member.xattrs) bytes += key.length + value.byteLength;
  budget.take("metadataBytes", bytes, what);
}

/** @returns true when the entry was no file but a mark that something is gone. */
function applyWhiteout({ name }: TarMember, { builder, layer, what }: Application): boolean {
  const path = cleanPath(name, what);
  const parts = path.split("/");
  const last = parts.pop() ?? "";
  if (parts.some((part) => part.startsWith(WHITEOUT))) {
    if (parts.some((part) => part.startsWith(AUFS))) return true;
    throw refuse(path, `${what}: ${path} is below a whiteout`);
  }
  if (!last.startsWith(WHITEOUT)) return false;
  const parent = parts.join("/") || "/";
  if (last === OPAQUE) {
    builder.clearLower(parent, layer, what);
    return true;
  }
  if (last.startsWith(AUFS)) return true;
  const gone = last.slice(WHITEOUT.length);
  if (gone === "" || gone === "." || gone === "..") throw refuse(path, `${what}: ${path} is a whiteout of nothing`);
  builder.removeLower(parent === "/" ? `/${gone}` : `${parent}/${gone}`, layer, what);
  return true;
}

async function applyMember(member: TarMember, archive: TarReader, application: Application): Promise<void> {
  const { builder, spool, layer, what } = application;
  const path = cleanPath(member.name, what);
  if (member.type === "hardlink") {
    builder.link(path, cleanPath(member.linkName, what), layer, what);
    return;
  }
  if (member.type === "symlink" && (member.linkName === "" || Buffer.byteLength(member.linkName) > 4095)) {
    throw refuse(path, `${what}: symbolic link ${path} has no target, or one that is too long`);
  }
  const offset = spool.sizeBytes;
  if (member.type === "file") for await (const chunk of archive.content()) await spool.append(chunk);
  builder.put(path, member, offset, layer, what);
}

function refuse(path: string, message: string): InclavareError {
  return new InclavareError("ERR_OCI_LAYER_PATH", message, { details: { path } });
}
