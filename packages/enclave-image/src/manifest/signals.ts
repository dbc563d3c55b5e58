import { constants } from "node:os";

const REAL_TIME = /^RT(?:MIN(?:\+(?:[0-9]|[12][0-9]|30))?|MAX(?:-(?:[0-9]|[12][0-9]|30))?)$/u;

/** Whether a name such as `TERM`, `SIGTERM` or `RTMIN+3` is that of a signal of Linux. */
export function isSignalName(name: string): boolean {
  const short = shortSignalName(name);
  return Object.hasOwn(constants.signals, `SIG${short}`) || REAL_TIME.test(short);
}

/** `TERM` for `TERM`, `SIGTERM` and `15`; a text that is no signal's name or number comes back as it is. */
export function shortSignalName(name: string): string {
  const named = /^\d+$/u.test(name)
    ? Object.entries(constants.signals).find(([, number]) => number === Number(name))?.[0]
    : undefined;
  return (named ?? name).replace(/^SIG/u, "");
}
