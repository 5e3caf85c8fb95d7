/* strsignal with glibc's texts. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "locale_impl.h"

static const char *const messages[] = {
	[SIGHUP] = "Hangup",
	[SIGINT] = "Interrupt",
	[SIGQUIT] = "Quit",
	[SIGILL] = "Illegal instruction",
	[SIGTRAP] = "Trace/breakpoint trap",
	[SIGABRT] = "Aborted",
	[SIGBUS] = "Bus error",
	[SIGFPE] = "Floating point exception",
	[SIGKILL] = "Killed",
	[SIGUSR1] = "User defined signal 1",
	[SIGSEGV] = "Segmentation fault",
	[SIGUSR2] = "User defined signal 2",
	[SIGPIPE] = "Broken pipe",
	[SIGALRM] = "Alarm clock",
	[SIGTERM] = "Terminated",
	[SIGCHLD] = "Child exited",
	[SIGCONT] = "Continued",
	[SIGSTOP] = "Stopped (signal)",
	[SIGTSTP] = "Stopped",
	[SIGTTIN] = "Stopped (tty input)",
	[SIGTTOU] = "Stopped (tty output)",
	[SIGURG] = "Urgent I/O condition",
	[SIGXCPU] = "CPU time limit exceeded",
	[SIGXFSZ] = "File size limit exceeded",
	[SIGVTALRM] = "Virtual timer expired",
	[SIGPROF] = "Profiling timer expired",
	[SIGWINCH] = "Window changed",
	[SIGIO] = "I/O possible",
	[SIGPWR] = "Power failure",
	[SIGSYS] = "Bad system call",
	[SIGSTKFLT] = "Stack fault",
};

char *strsignal(int signum)
{
	static _Thread_local char text[32];
	if ((unsigned)signum < sizeof messages / sizeof *messages && messages[signum])
		return (char *)LCTRANS_CUR(messages[signum]);
	if (signum >= SIGRTMIN && signum <= SIGRTMAX)
		snprintf(text, sizeof text, "Real-time signal %d", signum - SIGRTMIN);
	else
		snprintf(text, sizeof text, "Unknown signal %d", signum);
	return text;
}
