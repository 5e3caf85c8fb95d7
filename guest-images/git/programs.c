/*
 * One module for the programs of git that share nearly all of their code:
 * common-main.c calls cmd_main(), which chooses by the name it was called by.
 */
#include "git-compat-util.h"

#define P(name) int name(int argc, const char **argv)
#ifdef HTTP
P(remote_main); P(fetch_main);
#else
P(git_main); P(daemon_main); P(backend_main); P(shell_main); P(envsubst_main); P(scalar_main);
#endif

int cmd_main(int argc, const char **argv)
{
	static const struct {
		const char *name;
		int (*main)(int, const char **);
	} programs[] = {
#ifdef HTTP
		{ "git-http-fetch", fetch_main },
#else
		{ "git-daemon", daemon_main },
		{ "git-http-backend", backend_main },
		{ "git-shell", shell_main },
		{ "git-sh-i18n--envsubst", envsubst_main },
		{ "scalar", scalar_main },
#endif
	};
	const char *name = strrchr(argv[0], '/');

	name = name ? name + 1 : argv[0];
	if (*name == '-')	/* a login shell */
		name++;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (!strcmp(name, programs[i].name))
			return programs[i].main(argc, argv);
#ifdef HTTP
	return remote_main(argc, argv);
#else
	return git_main(argc, argv);
#endif
}
