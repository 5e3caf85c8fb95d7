#include <signal.h>
#include <unistd.h>
#include "syscall.h"
#include "libc.h"
#include "lock.h"
#include "pthread_impl.h"
#include "aio_impl.h"
#include "fork_impl.h"
#include "isolet_impl.h"

/* A program that links this file forks: it must be linked with ISOLET_FORK and
 * go through wasm-opt's Asyncify (wasm32-isolet-finish --fork). */

__attribute__((import_module("isolet_v1"), import_name("fork")))
int __isolet_fork(void);

static void dummy(int x) { }
weak_alias(dummy, __aio_atfork);

void __post_Fork(int ret)
{
	if (!ret) {
		pthread_t self = __pthread_self();
		self->tid = __syscall(SYS_set_tid_address, &__thread_list_lock);
		self->robust_list.off = 0;
		self->robust_list.pending = 0;
		self->next = self->prev = self;
		__thread_list_lock = 0;
		libc.threads_minus_1 = 0;
		if (libc.need_locks) libc.need_locks = -1;
	}
	UNLOCK(__abort_lock);
	if (!ret) __aio_atfork(1);
}

pid_t _Fork(void)
{
	pid_t ret;
	sigset_t set;
	__block_all_sigs(&set);
	LOCK(__abort_lock);
	ret = __isolet_fork();
	__post_Fork(ret);
	__restore_sigs(&set);
	return __syscall_ret(ret);
}
