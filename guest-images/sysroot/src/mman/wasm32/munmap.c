#include <errno.h>
#include <sys/mman.h>
#include "syscall.h"
#include "isolet_impl.h"

int __munmap(void *start, size_t len)
{
	if ((uintptr_t)start % ISOLET_GRAIN || !__isolet_pages_owned((uintptr_t)start, len))
		return __syscall_ret(-EINVAL);
	if (__isolet_shared) __syscall(SYS_munmap, start, len);
	__isolet_pages_give((uintptr_t)start, len);
	return 0;
}

weak_alias(__munmap, munmap);
