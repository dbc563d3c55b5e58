/* SHA-256 (FIPS 180-4). */
#pragma once
#include <stddef.h>

/* @param hex 65 bytes: 64 lower-case digits and a NUL */
void sha256_hex(const char *text, size_t length, char *hex);
