/* The categories of locale.c, as musl's nl_langinfo(3) knows them, in the places of glibc's own header. */
#include <ctype.h>
#include <langinfo.h>
#include <locale.h>
#include <stdbool.h>
#include "version.h"

#define PACKAGE "libc"

enum { LC_PAPER = LC_ALL + 1, LC_NAME, LC_ADDRESS, LC_TELEPHONE, LC_MEASUREMENT, LC_IDENTIFICATION };
enum {
	_NL_NUM_LC_CTYPE, _NL_NUM_LC_NUMERIC, _NL_NUM_LC_TIME, _NL_NUM_LC_COLLATE, _NL_NUM_LC_MONETARY,
	_NL_NUM_LC_MESSAGES, _NL_NUM_LC_PAPER, _NL_NUM_LC_NAME, _NL_NUM_LC_ADDRESS, _NL_NUM_LC_TELEPHONE,
	_NL_NUM_LC_MEASUREMENT, _NL_NUM_LC_IDENTIFICATION
};
enum value_type { none, string, stringarray, stringlist, byte, bytearray, word, wordarray, wstring, wstringarray, wstringlist };
static int verbose;
