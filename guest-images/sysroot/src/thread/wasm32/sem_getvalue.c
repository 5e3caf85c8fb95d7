#include <limits.h>
#include "isolet_sem.h"

int sem_getvalue(sem_t *restrict sem, int *restrict valp)
{
	*valp = sem_load(sem, 0) & SEM_VALUE_MAX;
	return 0;
}
