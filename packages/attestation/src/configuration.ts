/** How a TEE was launched: what leaves it open to its host although its measurement is right. */
import { type CheckList, failCheck } from "./check.ts";
import type { MeasurementVerdict } from "./measurement.ts";
import type { Allowance } from "./policy.ts";
import { TD_ATTRIBUTE } from "./tdx/decode.ts";

const KNOWN_TD_ATTRIBUTES = Object.values(TD_ATTRIBUTE).reduce((all, bits) => all | bits, 0n);

/** @param allowed gives a word back where the policy allows it. */
export function addConfigurationChecks(
  list: CheckList,
  measurement: MeasurementVerdict,
  allowed: (word: Allowance) => Allowance | undefined,
): void {
  if (measurement.tee !== "tdx") return;
  const attributes = BigInt(measurement.tdAttributes);
  const unknown = attributes & ~KNOWN_TD_ATTRIBUTES;
  list.run("td-attributes", [], () => {
    if (unknown === 0n) return { value: true, message: "every attribute of the TD is a known one" };
    const actual = measurement.tdAttributes;
    return failCheck("ERR_POLICY_TD_ATTRIBUTES", "the TD has attributes that are reserved", "zeros", actual);
  });
  const septVeDisable = (): { value: true; message: string } => {
    const isSet = (attributes & TD_ATTRIBUTE.septVeDisable) !== 0n;
    if (isSet) return { value: true, message: "the host cannot inject #VE by taking pages away" };
    const message = "SEPT_VE_DISABLE is clear: the host can inject #VE by taking pages away";
    return failCheck("ERR_POLICY_SEPT_VE_DISABLE", message, "SEPT_VE_DISABLE set", "clear");
  };
  list.run("sept-ve-disable", [], septVeDisable, allowed("no-sept-ve-disable"));
  const serviceTd = (): { value: true; message: string } => {
    const { mrServiceTd = "" } = measurement;
    if (/^0*$/u.test(mrServiceTd)) return { value: true, message: "no service TD is bound" };
    const message = "a service TD is bound, which can move the TD or its secrets";
    return failCheck("ERR_POLICY_SERVICE_TD", message, "none", mrServiceTd);
  };
  list.run("service-td", [], serviceTd, allowed("service-td"));
}
