/* The one main() of shadow's programs: chosen by the name it is called by. */
#include <stdio.h>
#include <string.h>

#define PROGRAM(name) int main_##name(int, char **);
#include "programs.h"
#undef PROGRAM

static const struct {
	const char *name;
	int (*run)(int, char **);
} programs[] = {
#define PROGRAM(name) { #name, main_##name },
#include "programs.h"
	{ "sg", main_newgrp },
	{ "vigr", main_vipw },
};

int main(int argc, char **argv)
{
	const char *path = argc > 0 ? argv[0] : "";
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	/* A login shell's name starts so: nologin may be one. */
	if (*name == '-')
		name++;
	for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
		if (strcmp(name, programs[i].name) == 0)
			return programs[i].run(argc, argv);
	fprintf(stderr, "%s: no program of shadow has this name\n", name);
	return 127;
}
