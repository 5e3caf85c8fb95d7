#define _GNU_SOURCE
#include <unistd.h>

/* A child that shares the parent's memory until it calls exec is not to be
 * had; a copy is what POSIX allowed in its place. */
pid_t vfork(void)
{
	return fork();
}
