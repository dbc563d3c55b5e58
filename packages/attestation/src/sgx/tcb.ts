/** The TCB of an SGX platform. */
import { day, type DcapRules } from "../dcap/rules.ts";
import { selectPlatformLevel, shortfall } from "../dcap/tcb-level.ts";

export const SGX_RULES: DcapRules = {
  tee: "SGX",
  identity: "QE",
  platform(tcb, tcbInfo) {
    const { status, advisories, tcbDate } = selectPlatformLevel(tcb, tcbInfo);
    const [newest] = tcbInfo.levels;
    const behind = newest === undefined ? undefined : shortfall(tcb, newest);
    const found = `platform ${status} (level of ${day(tcbDate)})`;
    return { status, advisories, notes: behind === undefined ? [found] : [found, `to the newest level: ${behind}`] };
  },
};
