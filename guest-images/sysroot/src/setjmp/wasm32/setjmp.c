#include <setjmp.h>
#include <stdint.h>
#include "atomic.h"

/* Runtime of clang's -wasm-enable-sjlj. A call of setjmp becomes
 * __wasm_setjmp(env, label, invocation): `label` counts the setjmp calls of
 * the function, `invocation` is an address unique to this run of it. longjmp
 * throws a pointer to { env, value } with the tag __c_longjmp; each function
 * that calls setjmp catches it and asks __wasm_setjmp_test whether it is meant,
 * and at which label to go on. */

struct env {
	void *invocation;
	uint32_t label;
	struct {
		void *env;
		int value;
	} thrown;
};

_Static_assert(sizeof(struct env) <= sizeof(__jmp_buf), "jmp_buf too small");

/* Index of the tag __c_longjmp for the throw instruction. */
#define C_LONGJMP 1

void __wasm_setjmp(void *p, uint32_t label, void *invocation)
{
	struct env *e = p;
	if (!label || !invocation) a_crash();
	e->label = label;
	e->invocation = invocation;
}

uint32_t __wasm_setjmp_test(void *p, void *invocation)
{
	struct env *e = p;
	if (!e->label || !invocation) a_crash();
	return e->invocation == invocation ? e->label : 0;
}

void __wasm_longjmp(void *p, int value)
{
	struct env *e = p;
	e->thrown.env = p;
	e->thrown.value = value ? value : 1;
	__builtin_wasm_throw(C_LONGJMP, &e->thrown);
}

/* For calls through a pointer or another name; clang turns a plain call of
 * longjmp into __wasm_longjmp. */
_Noreturn void _longjmp(jmp_buf env, int value)
{
	__wasm_longjmp(env, value);
	__builtin_unreachable();
}

_Noreturn void __isolet_longjmp(jmp_buf env, int value) __asm__("longjmp");

_Noreturn void __isolet_longjmp(jmp_buf env, int value)
{
	__wasm_longjmp(env, value);
	__builtin_unreachable();
}
