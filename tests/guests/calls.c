/* Signal and process descriptors, resource limits, priorities: printed answers, the same on Linux and in a sandbox. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void result(const char *call, long value) {
	printf("%s = %ld %s\n", call, value, value < 0 ? strerror(errno) : "");
}

static int readable(int fd) {
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	return poll(&ready, 1, 0) > 0 ? ready.revents : 0;
}

static void signals(void) {
	sigset_t set;
	struct signalfd_siginfo info[3];
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	result("empty", read(fd, info, sizeof info));
	printf("readable %d\n", readable(fd));
	raise(SIGUSR1);
	raise(SIGUSR1);
	union sigval value = {.sival_int = 77};
	sigqueue(getpid(), SIGRTMIN, value);
	sigqueue(getpid(), SIGRTMIN, value);
	printf("readable %d\n", readable(fd));
	result("small", read(fd, info, 100));
	long count = read(fd, info, sizeof info) / (long)sizeof *info;
	for (long n = 0; n < count; n++)
		printf("%s code %d me %d value %d\n", info[n].ssi_signo == SIGUSR1 ? "usr1" : "rt", info[n].ssi_code,
			info[n].ssi_pid == (unsigned)getpid(), info[n].ssi_int);
	result("again", read(fd, info, sizeof info));
	int epoll = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = 5};
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	result("epoll", epoll_wait(epoll, &event, 1, 0));
	raise(SIGUSR1);
	result("epoll", epoll_wait(epoll, &event, 1, 0));
	sigdelset(&set, SIGUSR1);
	result("change", signalfd(fd, &set, 0) == fd);
	printf("readable %d\n", readable(fd));
	result("not one", signalfd(1, &set, 0));
	result("flags", signalfd(-1, &set, 1));
	result("write", write(fd, info, sizeof info));
}

static void processes(const char *self) {
	result("pidfd flags", syscall(SYS_pidfd_open, getpid(), 1));
	result("pidfd 0", syscall(SYS_pidfd_open, 0, 0));
	result("pidfd none", syscall(SYS_pidfd_open, 0x3fffff, 0));
	int fds[2];
	if (pipe(fds))
		exit(1);
	char *argv[] = {(char *)self, "wait", NULL};
	extern char **environ;
	pid_t child;
	if (posix_spawnp(&child, self, NULL, NULL, argv, environ))
		exit(1);
	int fd = syscall(SYS_pidfd_open, child, 0);
	printf("cloexec %d readable %d\n", fcntl(fd, F_GETFD), readable(fd));
	siginfo_t info = {0};
	result("alive", waitid((idtype_t)3, fd, &info, WEXITED | WNOHANG));
	printf("pid %d\n", info.si_pid);
	result("getfd", syscall(SYS_pidfd_getfd, 1, 0, 0)); /* no process */
	result("read", read(fd, &info, sizeof info));
	result("probe", syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
	result("flags", syscall(SYS_pidfd_send_signal, fd, 0, NULL, 1 << 20));
	result("no pidfd", syscall(SYS_pidfd_send_signal, fds[0], 0, NULL, 0));
	result("bad signal", syscall(SYS_pidfd_send_signal, fd, 99, NULL, 0));
	result("term", syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	result("poll", poll(&ready, 1, -1));
	result("wait", waitid((idtype_t)3, fd, &info, WEXITED));
	printf("child %d code %d status %d\n", info.si_pid == child, info.si_code, info.si_status);
	result("wait", waitid((idtype_t)3, fd, &info, WEXITED));
	result("gone", syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
	result("wait pipe", waitid((idtype_t)3, fds[0], &info, WEXITED));
}

static void limit(const char *name, int resource, rlim_t soft, rlim_t hard) {
	struct rlimit before, after, new = {soft, hard};
	getrlimit(resource, &before);
	printf("%s: ", name);
	result("set", setrlimit(resource, &new));
	getrlimit(resource, &after);
	printf("  %s\n", after.rlim_cur == soft && after.rlim_max == hard ? "is so" : "is not so");
}

static volatile sig_atomic_t told;

static void tell(int signal) { told = signal; }

static void limits(void) {
	limit("file", RLIMIT_FSIZE, 10, 100);
	limit("file", RLIMIT_FSIZE, 20, 10);
	limit("files", RLIMIT_NOFILE, 20, 30);
	limit("core", RLIMIT_CORE, 0, 0);
	signal(SIGXFSZ, tell);
	int fd = open("limited", O_RDWR | O_CREAT, 0600);
	result("write", write(fd, "0123456789abcdef", 16));
	result("write", write(fd, "0123456789abcdef", 16));
	printf("told %d\n", told == SIGXFSZ);
	told = 0;
	result("truncate", ftruncate(fd, 11));
	printf("told %d\n", told == SIGXFSZ);
	result("truncate", ftruncate(fd, 9));
	result("allocate", posix_fallocate(fd, 0, 10));
	for (int n = 0; dup(1) >= 0; n++)
		if (n > 100)
			break;
	result("dup", dup(1));
	for (int n = 3; n < 40; n++)
		close(n);
	signal(SIGXCPU, tell);
	limit("cpu", RLIMIT_CPU, 1, 60);
	while (told != SIGXCPU) {
		for (volatile int n = 0; n < 1000000; n++)
			;
		getppid(); /* a sandbox calls handlers after system calls */
	}
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	long used = usage.ru_utime.tv_sec * 1000 + usage.ru_utime.tv_usec / 1000 + usage.ru_stime.tv_sec * 1000 + usage.ru_stime.tv_usec / 1000;
	printf("after a second %s, mostly its own %d\n", used < 600 ? "less" : used < 5000 ? "so" : "more",
		usage.ru_utime.tv_sec * 10 + usage.ru_utime.tv_usec / 100000 >= 5);
	int zero = open("/dev/zero", O_RDONLY);
	static char block[1 << 20];
	struct tms first, last;
	times(&first);
	do {
		for (int n = 0; n < 16; n++)
			read(zero, block, sizeof block);
		times(&last);
	} while (last.tms_stime - first.tms_stime + last.tms_utime - first.tms_utime < 30);
	printf("reading is the system's %d\n", last.tms_stime - first.tms_stime > last.tms_utime - first.tms_utime);
}

static void priorities(void) {
	errno = 0;
	result("set", setpriority(PRIO_PROCESS, 0, 19)); /* from whatever it was */
	printf("nice %d group %d\n", getpriority(PRIO_PROCESS, 0), getpriority(PRIO_PROCESS, getpid()));
	result("which", setpriority(3, 0, 5));
	result("who", setpriority(PRIO_PROCESS, 0x3fffff, 5));
	result("ioprio", syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 3));
	result("ioprio", syscall(SYS_ioprio_get, 1, 0));
	result("ioprio", syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 9));
	result("ioprio", syscall(SYS_ioprio_set, 1, 0, 7 << 13));
}

int main(int argc, char **argv) {
	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1) {
		pause();
		return 1;
	}
	signals();
	processes(argv[0]);
	priorities();
	limits();
	return 0;
}
