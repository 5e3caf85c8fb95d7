/* What inotify(7) tells of a directory's life, printed event by event: the same on Linux and in a sandbox. Run in an empty
 * directory. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static int queue;

static const struct { unsigned bit; const char *name; } names[] = {
	{IN_ACCESS, "access"}, {IN_MODIFY, "modify"}, {IN_ATTRIB, "attrib"}, {IN_CLOSE_WRITE, "close_write"},
	{IN_CLOSE_NOWRITE, "close_nowrite"}, {IN_OPEN, "open"}, {IN_MOVED_FROM, "moved_from"}, {IN_MOVED_TO, "moved_to"},
	{IN_CREATE, "create"}, {IN_DELETE, "delete"}, {IN_DELETE_SELF, "delete_self"}, {IN_MOVE_SELF, "move_self"},
	{IN_Q_OVERFLOW, "overflow"}, {IN_IGNORED, "ignored"}, {IN_ISDIR, "isdir"},
};

/* Prints what has happened since the last time. */
static void tell(const char *what) {
	static unsigned first_cookie;
	char buffer[4096] __attribute__((aligned(8)));
	ssize_t length;
	printf("%s:\n", what);
	while ((length = read(queue, buffer, sizeof buffer)) > 0) {
		for (char *at = buffer; at < buffer + length;) {
			struct inotify_event *event = (void *)at;
			printf("  %d", event->wd);
			for (size_t n = 0; n < sizeof names / sizeof *names; n++)
				if (event->mask & names[n].bit)
					printf(" %s", names[n].name);
			if (event->cookie) {
				if (event->mask & IN_MOVED_FROM)
					first_cookie = event->cookie;
				printf(" cookie=%s", event->cookie == first_cookie ? "same" : "other");
			}
			printf(" len=%u %s\n", event->len, event->len ? event->name : "-");
			at += sizeof *event + event->len;
		}
	}
	if (errno != EAGAIN)
		printf("  read: %s\n", strerror(errno));
}

static void put(const char *path, const char *text, int flags) {
	int fd = open(path, O_WRONLY | flags, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

static void result(const char *call, int value) {
	printf("%s = %d %s\n", call, value, value < 0 ? strerror(errno) : "");
}

static void errors(void) {
	result("init1(1)", inotify_init1(1));
	result("add(0)", inotify_add_watch(queue, ".", 0));
	result("add(fd)", inotify_add_watch(0x7fff, ".", IN_CREATE));
	result("add(file)", inotify_add_watch(1, ".", IN_CREATE));
	result("add(missing)", inotify_add_watch(queue, "missing", IN_CREATE));
	result("add(onlydir)", inotify_add_watch(queue, "a", IN_CREATE | IN_ONLYDIR));
	result("add(both)", inotify_add_watch(queue, ".", IN_CREATE | IN_MASK_ADD | IN_MASK_CREATE));
	result("add(again)", inotify_add_watch(queue, ".", IN_CREATE | IN_MASK_CREATE));
	result("rm(77)", inotify_rm_watch(queue, 77));
	char small[16];
	put("small", "", O_CREAT);
	result("read(16)", read(queue, small, sizeof small));
	int waiting = 0;
	result("fionread", ioctl(queue, FIONREAD, &waiting));
	struct pollfd ready = {.fd = queue, .events = POLLIN | POLLOUT};
	result("poll", poll(&ready, 1, 0));
	printf("waiting %s, ready %x\n", waiting > 16 ? "some" : "none", ready.revents);
	result("write", write(queue, small, 1));
	tell("small");
}

static void self(void) {
	put("f", "1", O_CREAT);
	mkdir("sub", 0755);
	result("f", inotify_add_watch(queue, "f", IN_ALL_EVENTS));
	result("sub", inotify_add_watch(queue, "sub", IN_ALL_EVENTS));
	tell("before");
	int fd = open("f", O_RDWR);
	char byte;
	if (pread(fd, &byte, 1, 0) != 1 || pwrite(fd, "2", 1, 0) != 1 || ftruncate(fd, 0) || fchmod(fd, 0600))
		perror("f");
	tell("file and directory");
	link("f", "g");
	unlink("f");
	close(fd);
	fd = open("g", O_RDWR); /* what Linux tells of a name that is gone depends on its cache of names */
	tell("link, unlink");
	rename("g", "h");
	pwrite(fd, "3", 1, 0);
	tell("renamed");
	unlink("h");
	pwrite(fd, "4", 1, 0);
	tell("unlinked");
	close(fd);
	tell("gone");
	mkdir("sub/in", 0700);
	rename("sub", "bus");
	rename("bus/in", "in");
	rmdir("bus");
	rmdir("in");
	tell("directories");
}

int main(void) {
	setvbuf(stdout, NULL, _IONBF, 0);
	queue = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	printf("watch %d\n", inotify_add_watch(queue, ".", IN_ALL_EVENTS));
	put("a", "text", O_CREAT);
	tell("created");
	put("a", "more", O_APPEND);
	put("a", "", O_TRUNC);
	tell("appended, truncated");
	chmod("a", 0600);
	struct timeval times[2] = {{1, 0}, {2, 0}};
	utimes("a", times);
	tell("attributes");
	mkdir("d", 0755);
	symlink("a", "l");
	mkfifo("p", 0600);
	rename("a", "d/a");
	rename("d/a", "a");
	rename("a", "b");
	put("c", "", O_CREAT);
	rename("c", "b");
	link("b", "a");
	tell("names");
	put("b", "x", 0);
	unlink("b");
	rmdir("d");
	unlink("l");
	unlink("p");
	tell("removed");
	errors();
	printf("watch %d\n", inotify_add_watch(queue, ".", IN_CREATE | IN_DELETE | IN_ONESHOT));
	put("once", "", O_CREAT);
	put("twice", "", O_CREAT);
	tell("one shot");
	int watch = inotify_add_watch(queue, ".", IN_MODIFY | IN_EXCL_UNLINK);
	int fd = open("once", O_WRONLY);
	write(fd, "1", 1);
	unlink("once");
	write(fd, "2", 1);
	close(fd);
	tell("unlinked are left out");
	result("rm", inotify_rm_watch(queue, watch));
	tell("rm");
	self();
	return 0;
}
