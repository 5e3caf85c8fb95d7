#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include "syscall.h"
#include "isolet_impl.h"

static size_t grains(size_t n)
{
	return (n + ISOLET_GRAIN - 1) & -(size_t)ISOLET_GRAIN;
}

static long remap(uintptr_t old, size_t old_len, size_t new_len, int flags)
{
	uintptr_t p;

	if (new_len >= PTRDIFF_MAX) return -ENOMEM;
	if (!new_len || old % ISOLET_GRAIN || flags & ~MREMAP_MAYMOVE) return -EINVAL;
	if (!__isolet_pages_owned(old, old_len)) return -EFAULT;
	if (__isolet_shared && __syscall(SYS_mremap, old, old_len)) return -EINVAL;
	old_len = grains(old_len);
	new_len = grains(new_len);
	if (new_len <= old_len) {
		if (new_len < old_len)
			__isolet_pages_give(old + new_len, old_len - new_len);
		return old;
	}
	if (__isolet_pages_extend(old, old_len, new_len)) return old;
	if (!(flags & MREMAP_MAYMOVE)) return -ENOMEM;
	p = __isolet_pages_take(new_len, ISOLET_GRAIN);
	if (!p) return -ENOMEM;
	memcpy((void *)p, (void *)old, old_len);
	__isolet_pages_give(old, old_len);
	return p;
}

void *__mremap(void *old_addr, size_t old_len, size_t new_len, int flags, ...)
{
	return (void *)__syscall_ret(remap((uintptr_t)old_addr, old_len, new_len, flags));
}

weak_alias(__mremap, mremap);
