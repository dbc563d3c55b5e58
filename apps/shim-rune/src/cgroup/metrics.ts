import { existsSync } from "node:fs";
import { InclavareError } from "@inclavare/errors";
import type { Any } from "../messages/common.ts";
import type { Cgroup } from "./cgroup.ts";

/** The counters of a cgroup in the form of its version. @throws ERR_FILE_NOT_FOUND when it is gone */
export async function readMetrics(cgroup: Cgroup): Promise<Any> {
  if (!existsSync(cgroup.folder("memory")))
    throw new InclavareError("ERR_FILE_NOT_FOUND", "the container's cgroup is gone");
  if (cgroup.version === 2) {
    const { encodeMetricsV2, METRICS_V2_TYPE } = await import("./metrics-v2.ts");
    return { typeUrl: METRICS_V2_TYPE, value: encodeMetricsV2(cgroup.folder("")) };
  }
  const { encodeMetricsV1, METRICS_V1_TYPE } = await import("./metrics-v1.ts");
  return { typeUrl: METRICS_V1_TYPE, value: encodeMetricsV1(cgroup) };
}
