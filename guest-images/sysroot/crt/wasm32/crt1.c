#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include "atomic.h"
#include "libc.h"
#include "syscall.h"
#include "isolet_impl.h"

/* A program starts with what Linux puts on the stack: argc, argv, NULL, envp,
 * NULL, auxv. The host writes it where the page allocator says. */

hidden int __isolet_main(int, char **, char **);
void __wasm_call_ctors(void);
int __libc_start_main(int (*)(int, char **, char **), int, char **,
	void (*)(), void (*)(), void (*)());

/* musl calls it before main. A program that goes on from a start image begins
 * at _start again, in memory whose constructors have run. */
hidden void _init(void)
{
	static int done;
	if (done) return;
	done = 1;
	__wasm_call_ctors();
}

__attribute__((export_name("_start")))
void _start(void)
{
	long need = __syscall(SYS_isolet_start_block, 0, 0);
	uintptr_t block = 0;
	if (need > 0) block = __isolet_pages_take(need, ISOLET_GRAIN);
	if (!block) a_crash();
	if (__syscall(SYS_isolet_start_block, block, need) != need) a_crash();

	long *p = (void *)block;
	__libc_start_main(__isolet_main, p[0], (void *)(p + 1), 0, 0, 0);
}
