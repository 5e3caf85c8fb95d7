#include <errno.h>
#include <limits.h>
#include "isolet_sem.h"

static void cleanup(void *p)
{
	sem_add(p, 1, -1);
}

/* As musl's, without spinning: nobody else of this process runs meanwhile. */
int sem_timedwait(sem_t *restrict sem, const struct timespec *restrict at)
{
	pthread_testcancel();

	while (sem_trywait(sem)) {
		int r, priv = sem->__val[2];
		sem_add(sem, 1, 1);
		sem_cas(sem, 0, 0, 0x80000000);
		pthread_cleanup_push(cleanup, sem);
		r = __timedwait_cp(sem->__val, 0x80000000, CLOCK_REALTIME, at, priv);
		pthread_cleanup_pop(1);
		if (r) {
			errno = r;
			return -1;
		}
	}
	return 0;
}
