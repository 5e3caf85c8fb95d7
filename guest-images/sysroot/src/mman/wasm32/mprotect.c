#include <errno.h>
#include <sys/mman.h>
#include "syscall.h"

/* All memory can be read and written, and nothing else. */
int __mprotect(void *addr, size_t len, int prot)
{
	if (prot == (PROT_READ|PROT_WRITE)) return 0;
	return __syscall_ret(prot & PROT_EXEC ? -EACCES : -ENOSYS);
}

weak_alias(__mprotect, mprotect);
