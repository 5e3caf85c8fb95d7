#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include "pthread_impl.h"
#include "isolet_impl.h"

/* The only way out of a program. */
__attribute__((import_module("isolet_v1"), import_name("syscall")))
long __isolet_raw_syscall(long n, long a, long b, long c, long d, long e, long f);

#define ERESTARTSYS 512
#define TLS __attribute__((section("isolet_tls")))

volatile int __isolet_pending;

TLS uintptr_t __isolet_tp = 0;
TLS volatile int *__isolet_pending_ptr = &__isolet_pending;

/* Runs the handlers of every signal that waits for this thread. Returns 1 if
 * all of them had SA_RESTART, so that an interrupted call may be made again. */
__attribute__((__noinline__))
int __isolet_deliver(void)
{
	struct isolet_signal s;
	ucontext_t uc;
	int restart = 1;

	while (__isolet_raw_syscall(SYS_isolet_signal_take, (long)&s, 0, 0, 0, 0, 0) > 0) {
		if (!(s.flags & SA_RESTART)) restart = 0;
		if (s.flags & SA_SIGINFO) {
			void (*f)(int, siginfo_t *, void *) = (void *)(uintptr_t)s.handler;
			memset(&uc, 0, sizeof uc);
			memcpy(&uc.uc_sigmask, &s.old_mask, sizeof s.old_mask);
			f(s.signal, (void *)s.siginfo, &uc);
			memcpy(&s.old_mask, &uc.uc_sigmask, sizeof s.old_mask);
		} else {
			void (*f)(int) = (void *)(uintptr_t)s.handler;
			f(s.signal);
		}
		__isolet_raw_syscall(SYS_isolet_signal_return, (long)&s.old_mask, 0, 0, 0, 0, 0);
	}
	return restart;
}

__attribute__((__noinline__))
long __isolet_syscall(long n, long a, long b, long c, long d, long e, long f)
{
	for (;;) {
		long r = __isolet_raw_syscall(n, a, b, c, d, e, f);
		int restart = 1;
		if (*__isolet_pending_ptr) restart = __isolet_deliver();
		if (r != -ERESTARTSYS) return r;
		if (!restart) return -EINTR;
	}
}
