/* Shared mappings: of a file within one process, of a file and of nothing between a parent and its fork. What is printed is the
 * same on Linux and in a sandbox, where stores travel at system calls. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 65536 };

static void result(const char *call, long value) {
	printf("%s = %ld %s\n", call, value, value < 0 ? strerror(errno) : "");
}

static char *map(int fd, size_t length, int protection, int flags, off_t offset) {
	char *at = mmap(NULL, length, protection, flags, fd, offset);
	if (at == MAP_FAILED)
		printf("mmap: %s\n", strerror(errno));
	return at;
}

static void say(int fd) {
	if (write(fd, "x", 1) != 1)
		exit(1);
}

static void hear(int fd) {
	char byte;
	if (read(fd, &byte, 1) != 1)
		exit(1);
}

static void alone(void) {
	char text[32] = "";
	int fd = open("file", O_RDWR | O_CREAT, 0600);
	result("truncate", ftruncate(fd, PAGE + 100));
	char *one = map(fd, PAGE + 100, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	char *two = map(fd, 100, PROT_READ, MAP_SHARED, PAGE);
	strcpy(one, "first");
	strcpy(one + PAGE, "second");
	pread(fd, text, 6, 0);
	printf("read back %s\n", text);
	printf("through the other %s\n", two);
	pwrite(fd, "written", 8, 10);
	printf("written and seen %s\n", one + 10);
	memset(one + PAGE + 100, 'z', 10);
	struct stat stat;
	fstat(fd, &stat);
	printf("size %ld\n", (long)stat.st_size);
	result("sync", msync(one, PAGE, MS_SYNC));
	result("sync", msync(one + 1, PAGE, MS_SYNC));
	result("sync", msync(one, PAGE, MS_SYNC | MS_ASYNC));
	strcpy(one + 50, "at the end");
	result("unmap", munmap(one, PAGE + 100));
	pread(fd, text, 11, 50);
	printf("unmapped %s\n", text);
	int read_only = open("file", O_RDONLY);
	result("may not", mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, read_only, 0) == MAP_FAILED ? -1 : 0);
	int write_only = open("file", O_WRONLY);
	result("may not", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, write_only, 0) == MAP_FAILED ? -1 : 0);
	int pipes[2];
	pipe(pipes);
	result("no file", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, pipes[0], 0) == MAP_FAILED ? -1 : 0);
	result("no descriptor", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, -1, 0) == MAP_FAILED ? -1 : 0);
	result("private", mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, read_only, 0) == MAP_FAILED ? -1 : 0);
}

static void together(void) {
	int down[2], up[2];
	pipe(down);
	pipe(up);
	int fd = open("file", O_RDWR);
	char *file = map(fd, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	char *memory = map(-1, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, 0);
	char *own = map(-1, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	strcpy(memory, "before");
	pid_t child = fork();
	if (child == 0) {
		strcpy(file + 100, "child in the file");
		strcpy(memory + 100, "child in memory");
		strcpy(own, "child's own");
		say(up[1]);
		hear(down[0]);
		printf("child sees: %s, %s, %s\n", memory, file + 200, memory + 200);
		strcpy(memory + 300, "last words");
		_exit(7);
	}
	hear(up[0]);
	printf("parent sees: %s, %s, '%s'\n", file + 100, memory + 100, own);
	strcpy(file + 200, "parent in the file");
	strcpy(memory + 200, "parent in memory");
	say(down[1]);
	int status;
	waitpid(child, &status, 0);
	printf("status %d, %s\n", WEXITSTATUS(status), memory + 300);
}

int main(void) {
	setvbuf(stdout, NULL, _IONBF, 0);
	alone();
	together();
	return 0;
}
