/* What envsubst.c takes from gettext's configuration and from gnulib. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PACKAGE "gettext-runtime"
#define VERSION "0.23.1"
#define PACKAGE_NAME PACKAGE
#define LOCALEDIR "/usr/share/locale"
#define GNULIB_LOCALEDIR LOCALEDIR
#define _GL_UNUSED
#define _GL_ATTRIBUTE_FALLTHROUGH
#define FALLTHROUGH ((void)0)
#define MAYBE_UNUSED
#define _GL_NORETURN_FUNC
#define set_binary_mode(file, mode) ((void)0)
#define XNMALLOC(n, type) ((type *)xrealloc(NULL, (n) * sizeof(type)))
#define O_BINARY 0

#define gettext(text) text
#define ngettext(one, many, n) ((n) == 1 ? (one) : (many))
#define textdomain(domain) ((void)0)
#define bindtextdomain(domain, place) ((void)0)
#define relocate(path) path
#define proper_name(name) name
#define set_program_name(name) ((void)0)
#define program_name program_invocation_name
#define last_component(path) program_invocation_short_name

static void error(int status, int number, const char *format, ...)
{
	va_list arguments;
	fflush(stdout);
	fprintf(stderr, "%s: ", program_invocation_name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, number ? ": %m\n" : "\n");
	if (status) exit(status);
}

static void *xrealloc(void *old, size_t size)
{
	void *grown = realloc(old, size);
	if (!grown && size) error(EXIT_FAILURE, 0, "memory exhausted");
	return grown;
}
#define xmalloc(size) xrealloc(NULL, size)

static void close_stdout(void)
{
	if (ferror(stdout) | fclose(stdout)) {
		fprintf(stderr, "%s: write error\n", program_invocation_name);
		_exit(EXIT_FAILURE);
	}
}
