#include <errno.h>
#include <sched.h>
#include "pthread_impl.h"

/* Threads change places only inside host calls. */
int pthread_spin_lock(pthread_spinlock_t *s)
{
	while (*(volatile int *)s || a_cas(s, 0, EBUSY)) sched_yield();
	return 0;
}
