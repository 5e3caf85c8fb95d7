#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include "pthread_impl.h"
#include "syscall.h"
#include "isolet_impl.h"

struct start {
	int (*func)(void *);
	void *arg;
	void *tp;
};

__attribute__((export_name("isolet_thread_start")))
void isolet_thread_start(struct start *s)
{
	pthread_t self = s->tp;

	__isolet_tp = (uintptr_t)self;
	__isolet_pending_ptr = &self->isolet_pending;
	/* The creator stores the same number, but perhaps later. */
	self->tid = __syscall(SYS_gettid);
	__syscall(SYS_isolet_pending_word, __isolet_pending_ptr);
	__syscall(SYS_exit, s->func(s->arg));
	a_crash();
}

/* Only threads: CLONE_VM without CLONE_THREAD has no meaning here. */
int __clone(int (*func)(void *), void *stack, int flags, void *arg, ...)
{
	va_list ap;
	pid_t *ptid, *ctid;
	void *tp;
	long r;

	if (!(flags & CLONE_THREAD)) return -ENOSYS;
	va_start(ap, arg);
	ptid = va_arg(ap, pid_t *);
	tp = va_arg(ap, void *);
	ctid = va_arg(ap, pid_t *);
	va_end(ap);

	struct start *s = (void *)(((uintptr_t)stack & -16) - ((sizeof *s + 15) & -16));
	*s = (struct start){ func, arg, tp };
	r = __syscall(SYS_isolet_thread, s, s, ctid);
	if (r > 0) *ptid = r;
	return r;
}
