#ifndef ISOLET_SEM_H
#define ISOLET_SEM_H

#include <semaphore.h>
#include "pthread_impl.h"
#include "isolet_impl.h"

/* The words of a semaphore. One that processes share lies in a copy that the
 * host reconciles at system calls, where an atomic instruction excludes nobody
 * else and a load may be old: the host makes the exchange. */

static inline int sem_cas(sem_t *sem, int word, int old, int new)
{
	volatile int *p = sem->__val + word;
	long r;

	if (sem->__val[2]) return a_cas(p, old, new);
	r = __syscall(SYS_isolet_exchange, p, &old, new);
	if (r < 0) a_crash(); /* The file was cut off: a bus error on Linux. */
	return old;
}

static inline int sem_load(sem_t *sem, int word)
{
	int val = sem->__val[word];
	return sem->__val[2] ? val : sem_cas(sem, word, val, val);
}

static inline void sem_add(sem_t *sem, int word, int n)
{
	int val;
	do val = sem_load(sem, word);
	while (sem_cas(sem, word, val, val + n) != val);
}

#endif
