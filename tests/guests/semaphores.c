/* Process-shared semaphores: forks that take turns lose no update, and one that waits is woken. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FORKS = 4, ROUNDS = 100 };

struct shared {
	sem_t lock, done;
	volatile int total;
};

static void add(struct shared *s, sem_t *lock)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (sem_wait(lock)) _exit(1);
		int seen = s->total;
		sched_yield(); /* Whoever else is inside would read the same now. */
		s->total = seen + 1;
		if (sem_post(lock)) _exit(2);
	}
	_exit(sem_post(&s->done) ? 3 : 0);
}

static int total_under(struct shared *s, sem_t *lock)
{
	int status, bad = 0;

	s->total = 0;
	for (int i = 0; i < FORKS; i++)
		if (fork() == 0) add(s, lock);
	/* Nothing else wakes this one before all are through. */
	for (int i = 0; i < FORKS; i++) sem_wait(&s->done);
	while (wait(&status) > 0) bad |= status;
	return bad ? -1 : s->total;
}

int main(void)
{
	struct timespec soon;
	struct shared *s = mmap(0, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char name[32];
	sem_t *named;
	int value;

	snprintf(name, sizeof name, "/lock-%d", (int)getpid());
	named = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
	if (s == MAP_FAILED || named == SEM_FAILED) return 1;
	sem_init(&s->lock, 1, 1);
	sem_init(&s->done, 1, 0);
	printf("unnamed %d\n", total_under(s, &s->lock));
	printf("named %d\n", total_under(s, named));
	sem_wait(named);
	clock_gettime(CLOCK_REALTIME, &soon);
	printf("taken %d\n", sem_trywait(named));
	printf("late %d\n", sem_timedwait(named, &soon) && errno == ETIMEDOUT);
	sem_post(named);
	sem_getvalue(named, &value);
	printf("value %d\n", value);
	sem_unlink(name);
	return 0;
}
