import { InclavareError } from "@inclavare/errors";

const UNITS: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** Parses a decimal number. @throws ERR_USAGE, naming the flag */
export function parseInteger(flag: string, text: string): number {
  const value = Number(text);
  if (/^\d{1,15}$/u.test(text)) return value;
  throw new InclavareError("ERR_USAGE", `--${flag} is "${text}", expected a whole number`);
}

/** Parses `65536`, `512K`, `256M`, `256MiB`, `1G`: powers of 1024. @throws ERR_USAGE, naming the flag */
export function parseSize(flag: string, text: string): number {
  const [, digits, unit = ""] = /^(\d{1,12})(?:([KMG])(?:i?B)?)?$/u.exec(text) ?? [];
  if (digits !== undefined) return Number(digits) * (UNITS[unit] ?? 1);
  throw new InclavareError("ERR_USAGE", `--${flag} is "${text}", expected a size such as 512M or 1G`);
}

/** Parses a date or time in ISO 8601. @throws ERR_USAGE, naming the flag */
export function parseDate(flag: string, text: string): Date {
  const date = new Date(text);
  if (/^\d{4}-\d{2}-\d{2}/u.test(text) && !Number.isNaN(date.getTime())) return date;
  throw new InclavareError("ERR_USAGE", `--${flag} is "${text}", expected a date such as 2026-01-31`);
}
