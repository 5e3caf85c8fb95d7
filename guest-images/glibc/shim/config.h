/* For every file of glibc that is compiled here: what its own build gives them. */
#define _GNU_SOURCE 1
#define _LARGEFILE64_SOURCE 1
#include <errno.h>
#include <libintl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PKGVERSION "(Debian GLIBC 2.41-12+deb13u3) "
#define REPORT_BUGS_TO "<http://www.debian.org/Bugs/>"
#define _libc_intl_domainname "libc"
#define N_(text) text
#define _(text) text
#undef gettext
#define gettext(text) text
typedef int error_t;
#define ALIGNED_STRINGS 1

void error(int status, int number, const char *format, ...);

/* sys/cdefs.h */
#define __BEGIN_DECLS
#define __END_DECLS
#define __THROW
#define _GL_UNUSED
#define __getopt_argv_const const
#define __NTH(function) function
#define __attribute_format_arg__(n)
#define __vsnprintf_internal(buffer, size, format, arguments, flags) vsnprintf(buffer, size, format, arguments)
