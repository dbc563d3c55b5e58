/*
 * A REPORT by its layout, and no more: there is no enclave, no CPU and no key. It says so itself, where an enclave's would
 * have its measurement. Intel SDM volume 3D, tables "Layout of REPORT" and "Layout of TARGETINFO Data Structure".
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "skeleton.h"

enum { ATTRIBUTES = 48, MRENCLAVE = 64, MAC = 416, MAC_BYTES = 16 };
enum { INITIALISED = 1, DEBUG = 2, MODE_64_BIT = 4 };

void make_report(const unsigned char *targetinfo, unsigned char *report) {
  static const char measurement[32] = "liberpal-skeleton: no enclave";
  memset(report, 0, REPORT_BYTES);
  report[ATTRIBUTES] = INITIALISED | DEBUG | MODE_64_BIT;
  memcpy(report + MRENCLAVE, measurement, sizeof measurement);
  /* A MAC needs the CPU's key for the target. What stands here only tells whom the report was asked for. */
  memcpy(report + MAC, targetinfo, MAC_BYTES);
}
