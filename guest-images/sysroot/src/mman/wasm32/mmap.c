#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "libc.h"
#include "syscall.h"
#include "isolet_impl.h"

/* Memory is the program's own: a mapping is pages of it. For MAP_PRIVATE a file
 * is copied in when it is mapped. A shared mapping, of a file or of nothing, is
 * made known to the host, which copies in and out at system calls. Protection
 * does not exist. */

static int read_in(char *p, size_t len, int fd, off_t off)
{
	while (len) {
		long r = __syscall(SYS_pread, fd, p, len, __SYSCALL_LL_PRW(off));
		if (r == -EINTR) continue;
		if (r < 0) return r;
		if (!r) break;
		p += r;
		off += r;
		len -= r;
	}
	return 0;
}

static long map(void *start, size_t len, int prot, int flags, int fd, off_t off)
{
	int type = flags & MAP_TYPE;
	uintptr_t p;
	int r;

	if (!len || off & 4095) return -EINVAL;
	if (type != MAP_PRIVATE && type != MAP_SHARED && type != MAP_SHARED_VALIDATE)
		return -EINVAL;
	if (len >= PTRDIFF_MAX) return -ENOMEM;
	if (prot & PROT_EXEC) return -EPERM;
	if (!(flags & MAP_ANON) && fd < 0) return -EBADF;

	if (flags & MAP_FIXED) {
		p = (uintptr_t)start;
		if (p % ISOLET_GRAIN) return -EINVAL;
		if (!__isolet_pages_owned(p, len)) return -ENOMEM;
		if (__isolet_shared) __syscall(SYS_munmap, p, len);
		memset(start, 0, len);
	} else {
		p = __isolet_pages_take(len, len < PAGE_SIZE ? ISOLET_GRAIN : PAGE_SIZE);
		if (!p) return -ENOMEM;
	}
	if (type != MAP_PRIVATE) {
		__isolet_shared = 1;
		if (flags & MAP_ANON) fd = -1, off = 0;
		r = __syscall(SYS_isolet_map_shared, p, len, prot, fd, __SYSCALL_LL_O(off));
		if (!r) return p;
		if (!(flags & MAP_FIXED)) __isolet_pages_give(p, len);
		return r;
	}
	if (!(flags & MAP_ANON) && (r = read_in((void *)p, len, fd, off)) < 0) {
		if (!(flags & MAP_FIXED)) __isolet_pages_give(p, len);
		return r == -ESPIPE ? -ENODEV : r;
	}
	return p;
}

void *__mmap(void *start, size_t len, int prot, int flags, int fd, off_t off)
{
	return (void *)__syscall_ret(map(start, len, prot, flags, fd, off));
}

weak_alias(__mmap, mmap);
