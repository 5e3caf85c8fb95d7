#include <features.h>

extern hidden char **__isolet_envp;

int __isolet_main3(int, char **, char **) __asm__("main");

/* Linked when the program's main takes three parameters. */
int __main_argc_argv(int argc, char **argv)
{
	return __isolet_main3(argc, argv, __isolet_envp);
}
