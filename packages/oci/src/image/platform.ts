import type { Platform } from "./types.ts";

/** `linux/arm/v7`, for messages. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/** Whether an image for `offered` is one for `wanted`, which fits every variant when it names none. */
export function fitsPlatform(offered: Platform, wanted: Platform): boolean {
  if (offered.os !== wanted.os || offered.architecture !== wanted.architecture) return false;
  return wanted.variant === undefined || variantOf(offered) === variantOf(wanted);
}

/** Some images name what is the only baseline anyway. */
function variantOf({ architecture, variant }: Platform): string {
  if (variant === undefined || variant === "")
    return architecture === "arm64" ? "v8" : architecture === "amd64" ? "v1" : "";
  return variant;
}
