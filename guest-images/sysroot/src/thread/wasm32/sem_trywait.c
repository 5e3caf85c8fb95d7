#include <errno.h>
#include <limits.h>
#include "isolet_sem.h"

int sem_trywait(sem_t *sem)
{
	int val;
	while ((val=sem_load(sem, 0)) & SEM_VALUE_MAX) {
		if (sem_cas(sem, 0, val, val-1)==val) return 0;
	}
	errno = EAGAIN;
	return -1;
}
