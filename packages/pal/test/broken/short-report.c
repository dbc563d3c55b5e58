/* The local report has 384 bytes. */
#define LIBERPAL_API_VERSION 3
#define pal_get_local_report sound_get_local_report
#include "skeleton.c"
#undef pal_get_local_report

int pal_get_local_report(void *targetinfo, int targetinfo_len, void *report, int *report_len)
{
	int result = sound_get_local_report(targetinfo, targetinfo_len, report, report_len);
	*report_len = 384;
	return result;
}
