import { integer, listOf, text, textLike, wideInteger, type Shape } from "../json/shape.ts";
import type { SpecInteger } from "./spec.ts";

/** Values that many members of the specification have in common. */
export const uint16: Shape<number> = integer(0, 0xff_ff);
export const uint32: Shape<number> = integer(0, 0xff_ff_ff_ff);
export const int32: Shape<number> = integer(-(2 ** 31), 2 ** 31 - 1);
export const int64: Shape<SpecInteger> = wideInteger(-(2n ** 63n), 2n ** 63n - 1n);
export const uint64: Shape<SpecInteger> = wideInteger(0n, 2n ** 64n - 1n);
/** A limit in bytes; -1 means none. */
export const limit: Shape<SpecInteger> = wideInteger(-1n, 2n ** 63n - 1n);

export const strings: Shape<readonly string[]> = listOf(text);
/** Not empty. */
export const path: Shape<string> = textLike(/./su, "a path");
export const absolutePath: Shape<string> = textLike(/^\//u, "an absolute path");
/** Variables of an environment; their values are nobody's business. */
export const environment: Shape<readonly string[]> = listOf(textLike(/^[^=]+=/u, "NAME=value", { secret: true }));
/** Processors or memory nodes, as in `0-3,7`. */
export const numberList: Shape<string> = textLike(/^[\d\s,-]*$/u, "a list of numbers and ranges such as 0-3,7");
