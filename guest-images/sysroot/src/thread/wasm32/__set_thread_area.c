#include "pthread_impl.h"
#include "syscall.h"
#include "isolet_impl.h"

/* Main thread only; threads made later: clone.c. */
int __set_thread_area(void *p)
{
	__isolet_tp = (uintptr_t)p;
	__syscall(SYS_isolet_pending_word, __isolet_pending_ptr);
	return 0;
}
