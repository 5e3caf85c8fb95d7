/* getconf.c: the names whose values are the compiler's (limits.h), which musl's sysconf(3) leaves to it; and that there is one
 * environment to compile for, so that -v changes nothing. */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#define ALL_ENVIRONMENTS_DEFINED 1

#define _SC_CHAR_BIT 0x10000
#define _SC_CHAR_MAX 0x10001
#define _SC_CHAR_MIN 0x10002
#define _SC_INT_MAX 0x10003
#define _SC_INT_MIN 0x10004
#define _SC_LONG_BIT 0x10005
#define _SC_MB_LEN_MAX 0x10006
#define _SC_SCHAR_MAX 0x10007
#define _SC_SCHAR_MIN 0x10008
#define _SC_SHRT_MAX 0x10009
#define _SC_SHRT_MIN 0x1000a
#define _SC_SSIZE_MAX 0x1000b
#define _SC_UCHAR_MAX 0x1000c
#define _SC_UINT_MAX 0x1000d
#define _SC_ULONG_MAX 0x1000e
#define _SC_USHRT_MAX 0x1000f
#define _SC_WORD_BIT 0x10010
#define _SC_NL_ARGMAX 0x10011
#define _SC_NL_LANGMAX 0x10012
#define _SC_NL_MSGMAX 0x10013
#define _SC_NL_SETMAX 0x10014
#define _SC_NL_TEXTMAX 0x10015
#define _SC_CHARCLASS_NAME_MAX 0x10016

static long limit(int name)
{
	switch (name) {
	case _SC_CHAR_BIT: return CHAR_BIT;
	case _SC_CHAR_MAX: return CHAR_MAX;
	case _SC_CHAR_MIN: return CHAR_MIN;
	case _SC_INT_MAX: return INT_MAX;
	case _SC_INT_MIN: return INT_MIN;
	case _SC_LONG_BIT: return LONG_BIT;
	case _SC_MB_LEN_MAX: return MB_LEN_MAX;
	case _SC_SCHAR_MAX: return SCHAR_MAX;
	case _SC_SCHAR_MIN: return SCHAR_MIN;
	case _SC_SHRT_MAX: return SHRT_MAX;
	case _SC_SHRT_MIN: return SHRT_MIN;
	case _SC_SSIZE_MAX: return SSIZE_MAX;
	case _SC_UCHAR_MAX: return UCHAR_MAX;
	case _SC_UINT_MAX: return UINT_MAX;
	case _SC_ULONG_MAX: return ULONG_MAX;
	case _SC_USHRT_MAX: return USHRT_MAX;
	case _SC_WORD_BIT: return 32;
	case _SC_NL_ARGMAX: return NL_ARGMAX;
	case _SC_NL_LANGMAX: return NL_LANGMAX;
	case _SC_NL_MSGMAX: return NL_MSGMAX;
	case _SC_NL_SETMAX: return NL_SETMAX;
	case _SC_NL_TEXTMAX: return NL_TEXTMAX;
	case _SC_CHARCLASS_NAME_MAX: return CHARCLASS_NAME_MAX;
	default: return sysconf(name);
	}
}
#define sysconf limit

/* musl's pathconf(3) does not look whether the path is there. */
static long of_path(const char *path, int name)
{
	if (access(path, F_OK)) return -1;
	errno = 0;
	return pathconf(path, name);
}
#define pathconf of_path
