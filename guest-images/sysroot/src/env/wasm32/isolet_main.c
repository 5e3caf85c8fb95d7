#include <features.h>

/* clang calls a main without parameters __main_void, one with two
 * __main_argc_argv, and leaves one with three as it is. */

hidden int __isolet_argc;
hidden char **__isolet_argv, **__isolet_envp;

int __main_void(void);

hidden int __isolet_main(int argc, char **argv, char **envp)
{
	__isolet_argc = argc;
	__isolet_argv = argv;
	__isolet_envp = envp;
	return __main_void();
}
