#include <setjmp.h>
#include <signal.h>
#include "syscall.h"

hidden void __wasm_longjmp(void *, int);

/* sigsetjmp is a macro (setjmp.h): this saves the mask, setjmp follows. */
void __isolet_sigsave(sigjmp_buf env, int save)
{
	env->__fl = save;
	if (save) __syscall(SYS_rt_sigprocmask, SIG_SETMASK, 0, env->__ss, _NSIG/8);
}

_Noreturn void siglongjmp(sigjmp_buf env, int value)
{
	if (env->__fl)
		__syscall(SYS_rt_sigprocmask, SIG_SETMASK, env->__ss, 0, _NSIG/8);
	__wasm_longjmp(env, value);
	__builtin_unreachable();
}
