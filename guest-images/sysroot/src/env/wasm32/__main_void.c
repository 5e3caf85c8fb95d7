#include <features.h>

extern hidden int __isolet_argc;
extern hidden char **__isolet_argv;

int __main_argc_argv(int, char **);

/* Linked when the program's main takes parameters. */
int __main_void(void)
{
	return __main_argc_argv(__isolet_argc, __isolet_argv);
}
