#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "pthread_impl.h"
#include "syscall.h"
#include "../fdop.h"
#include "isolet_impl.h"

/* One host call does what the generic file does with CLONE_VM. */

static int op_of(int cmd)
{
	switch (cmd) {
	case FDOP_CLOSE: return ISOLET_SPAWN_CLOSE;
	case FDOP_DUP2: return ISOLET_SPAWN_DUP2;
	case FDOP_OPEN: return ISOLET_SPAWN_OPEN;
	case FDOP_CHDIR: return ISOLET_SPAWN_CHDIR;
	case FDOP_FCHDIR: return ISOLET_SPAWN_FCHDIR;
	default: return ISOLET_SPAWN_CLOSEFROM;
	}
}

static int spawn_one(pid_t *res, const char *path, struct isolet_spawn *s,
	char *const argv[], char *const envp[])
{
	long r = __syscall(SYS_isolet_spawn, path, argv, envp, s);
	if (r < 0) return -r;
	if (res) *res = r;
	return 0;
}

/* The search of execvp, by the caller's PATH. */
static int spawn_search(pid_t *res, const char *file, struct isolet_spawn *s,
	char *const argv[], char *const envp[])
{
	const char *p, *z, *path = getenv("PATH");
	size_t k, l;
	int e, seen_eacces = 0;

	if (!*file) return ENOENT;
	if (strchr(file, '/')) return spawn_one(res, file, s, argv, envp);
	if (!path) path = "/usr/local/bin:/bin:/usr/bin";
	k = strnlen(file, NAME_MAX+1);
	if (k > NAME_MAX) return ENAMETOOLONG;
	l = strnlen(path, PATH_MAX-1)+1;

	for (p=path; ; p=z) {
		char b[l+k+1];
		z = __strchrnul(p, ':');
		if (z-p >= l) {
			if (!*z++) break;
			continue;
		}
		memcpy(b, p, z-p);
		b[z-p] = '/';
		memcpy(b+(z-p)+(z>p), file, k+1);
		e = spawn_one(res, b, s, argv, envp);
		if (!e) return 0;
		switch (e) {
		case EACCES:
			seen_eacces = 1;
		case ENOENT:
		case ENOTDIR:
			break;
		default:
			return e;
		}
		if (!*z++) break;
	}
	return seen_eacces ? EACCES : ENOENT;
}

static int spawn(pid_t *res, const char *path,
	const posix_spawn_file_actions_t *fa, const posix_spawnattr_t *attr,
	char *const argv[], char *const envp[], int search)
{
	struct isolet_spawn s = { 0 };
	struct isolet_spawn_action *actions = 0;
	struct fdop *op, *last = 0;
	size_t n = 0;
	int ret;

	if (attr) {
		s.flags = attr->__flags;
		s.pgroup = attr->__pgrp;
		memcpy(&s.sigmask, &attr->__mask, sizeof s.sigmask);
		memcpy(&s.sigdefault, &attr->__def, sizeof s.sigdefault);
	}
	if (fa) for (op = fa->__actions; op; op = op->next) n++, last = op;
	if (n) {
		actions = malloc(n * sizeof *actions);
		if (!actions) return ENOMEM;
		/* The list holds the newest first. */
		n = 0;
		for (op = last; op; op = op->prev) {
			actions[n++] = (struct isolet_spawn_action){
				.op = op_of(op->cmd),
				.fd = op->fd,
				.srcfd = op->cmd == FDOP_DUP2 ? op->srcfd : 0,
				.oflag = op->cmd == FDOP_OPEN ? op->oflag : 0,
				.mode = op->cmd == FDOP_OPEN ? op->mode : 0,
				.path = op->cmd == FDOP_OPEN || op->cmd == FDOP_CHDIR
					? (uintptr_t)op->path : 0,
			};
		}
	}
	s.actions = (uintptr_t)actions;
	s.actions_len = n;
	ret = (search ? spawn_search : spawn_one)(res, path, &s, argv, envp);
	free(actions);
	return ret;
}

int posix_spawn(pid_t *restrict res, const char *restrict path,
	const posix_spawn_file_actions_t *fa,
	const posix_spawnattr_t *restrict attr,
	char *const argv[restrict], char *const envp[restrict])
{
	return spawn(res, path, fa, attr, argv, envp, 0);
}

int posix_spawnp(pid_t *restrict res, const char *restrict file,
	const posix_spawn_file_actions_t *fa,
	const posix_spawnattr_t *restrict attr,
	char *const argv[restrict], char *const envp[restrict])
{
	return spawn(res, file, fa, attr, argv, envp, 1);
}
