/* What these programs take from glibc's own library and musl has not. */
#include "config.h"
#include <stdarg.h>

/* error(3) */
void error(int status, int number, const char *format, ...)
{
	va_list arguments;
	fflush(stdout);
	fprintf(stderr, "%s: ", program_invocation_name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	if (number) fprintf(stderr, ": %s", strerror(number));
	fputc('\n', stderr);
	if (status) exit(status);
}

/* getent -s: there is one source of names here, and no other to be chosen. */
int __nss_configure_lookup(const char *database, const char *service)
{
	error(1, 0, "the services of %s cannot be configured", database);
	return -1;
}
