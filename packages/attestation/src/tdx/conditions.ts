/** How a TD was launched: what leaves it open to its host although its measurement is right. */
import { failCheck } from "../check.ts";
import { type Condition, met } from "../condition.ts";
import { TD_ATTRIBUTE, type TdReport } from "./decode.ts";

const KNOWN_ATTRIBUTES = Object.values(TD_ATTRIBUTE).reduce((all, bits) => all | bits, 0n);

export function tdConditions({ tdAttributes, mrServiceTd, teeTcbSvn }: TdReport): readonly Condition[] {
  return [
    {
      check: "tdx-module-version",
      test: ({ minTdxModuleSvn }) => {
        const [isvSvn = 0, version = 0] = teeTcbSvn;
        const actual = `module version ${version}, security version ${isvSvn}`;
        if (minTdxModuleSvn === undefined) return met("the policy names no minimum", { actual });
        const least = minTdxModuleSvn[String(version)];
        const expected = Object.entries(minTdxModuleSvn)
          .map(([known, svn]) => `module version ${known}, security version ${svn} or above`)
          .join("; or ");
        if (least !== undefined && isvSvn >= least) {
          return met("the TDX module reaches the policy's minimum", { expected, actual });
        }
        return failCheck("ERR_POLICY_VERSION", "the TDX module is below the policy's minimum", expected, actual);
      },
    },
    {
      check: "td-attributes",
      test: () => {
        const reserved = tdAttributes & ~KNOWN_ATTRIBUTES;
        if (reserved === 0n) return met("every attribute of the TD is a known one");
        const message = "the TD has attributes that are reserved";
        return failCheck("ERR_POLICY_TD_ATTRIBUTES", message, "none of them", `0x${reserved.toString(16)}`);
      },
    },
    {
      check: "sept-ve-disable",
      allowance: "no-sept-ve-disable",
      test: () => {
        const isSet = (tdAttributes & TD_ATTRIBUTE.septVeDisable) !== 0n;
        if (isSet) return met("the host cannot inject #VE by taking pages away");
        const message = "SEPT_VE_DISABLE is clear: the host can inject #VE by taking pages away";
        return failCheck("ERR_POLICY_SEPT_VE_DISABLE", message, "SEPT_VE_DISABLE set", "clear");
      },
    },
    {
      check: "service-td",
      allowance: "service-td",
      test: () => {
        if (mrServiceTd?.some((byte) => byte !== 0) !== true) return met("no service TD is bound");
        const message = "a service TD is bound, which can move the TD or its secrets";
        return failCheck("ERR_POLICY_SERVICE_TD", message, "none", Buffer.from(mrServiceTd).toString("hex"));
      },
    },
  ];
}
