#include <ftw.h>
#include "atomic.h"

/* nftw calls back with four arguments, and a WebAssembly function is called
 * with its own number of them or not at all. Nested use keeps the outer one. */

static int (*callback)(const char *, const struct stat *, int);

static int call(const char *path, const struct stat *st, int type, struct FTW *f)
{
	return callback(path, st, type);
}

int ftw(const char *path, int (*fn)(const char *, const struct stat *, int), int fd_limit)
{
	int (*outer)(const char *, const struct stat *, int) = callback;
	callback = fn;
	int r = nftw(path, call, fd_limit, FTW_PHYS);
	callback = outer;
	return r;
}
