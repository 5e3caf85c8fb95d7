/* A program with a start image: what it made once is there in every start, what differs from start to start is new.
 * prepared        prints how often its constructor ran, what it made, and what is its own
 * prepared plain  asks to begin again without the image
 * prepared threads, fork (with a descriptor open), grow: goes on from the image and does that
 * Elsewhere than in isolet it has no image and prints the same, but for the word "image". */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#ifdef __isolet__
#include <isolet.h>
#include <sys/syscall.h>
static long image(int ask) { return syscall(SYS_isolet_start_image, ask); }
#else
static long image(int ask) { errno = EINVAL; return ask ? -1 : 0; }
#define ISOLET_IMAGE_MAKING 0
#define ISOLET_IMAGE_READY 1
#define ISOLET_IMAGE_PLAINLY 2
#endif

#define SQUARES 200000

static int constructed, prepared;
static uint64_t *squares;
static __thread int mine = 7;

__attribute__((constructor)) static void construct(void) { constructed++; }

static void prepare(void)
{
	squares = malloc(SQUARES * sizeof *squares);
	for (uint64_t i = 0; i < SQUARES; i++) squares[i] = i * i;
	setenv("MADE", "then", 1);
	mine = 8;
	prepared = 1;
}

static uint64_t sum(void)
{
	uint64_t total = 0;
	for (int i = 0; i < SQUARES; i++) total += squares[i];
	return total;
}

static void *thread(void *argument)
{
	/* A new thread's own variables are those of the program, not of the image. */
	printf("thread: %d\n", mine);
	mine = 9;
	squares[1] = 5;
	return argument;
}

static volatile sig_atomic_t caught;
static void handler(int signal) { caught = signal; }

static void report(char **argv)
{
	unsigned char *random = (void *)getauxval(AT_RANDOM);
	printf("%s: constructed %d, sum %llu, mine %d, MADE=%s OWN=%s\n", argv[1] ? argv[1] : "-", constructed,
	       (unsigned long long)sum(), mine, getenv("MADE") ? getenv("MADE") : "", getenv("OWN") ? getenv("OWN") : "");
	fprintf(stderr, "random ");
	for (int i = 0; i < 16; i++) fprintf(stderr, "%02x", random[i]);
	fprintf(stderr, "\n");
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int from_image = prepared;

	if (!prepared) prepare();
	if (!from_image && image(ISOLET_IMAGE_MAKING) == 1) {
		unsetenv("MADE");
		if (image(ISOLET_IMAGE_READY)) perror("the image");
		return 1;
	}
	if (!strcmp(what, "plain") && from_image) {
		image(ISOLET_IMAGE_PLAINLY);
		perror("not begun again");
		return 1;
	}
	if (!from_image) unsetenv("MADE");
	if (!strcmp(what, "misuse")) {
		int busy = image(ISOLET_IMAGE_READY) == -1 && errno == EINVAL;
		printf("ready: %d, unknown: %d\n", busy, image(3) == -1 && errno == EINVAL);
	}
	report(argv);
	fprintf(stderr, "image %d\n", from_image);
	if (!strcmp(what, "threads")) {
		pthread_t id;
		if (pthread_create(&id, 0, thread, 0) || pthread_join(id, 0)) return 1;
		printf("main: %d, squares[1] %llu\n", mine, (unsigned long long)squares[1]);
	}
	if (!strcmp(what, "grow")) {
		char *more = malloc(8 << 20);
		memset(more, 1, 8 << 20);
		printf("grown: %d, sum %llu\n", more[(8 << 20) - 1], (unsigned long long)sum());
	}
	if (!strcmp(what, "signal")) {
		signal(SIGUSR1, handler);
		raise(SIGUSR1);
		printf("caught: %d\n", caught == SIGUSR1);
	}
	return 0;
}
