/* Threads over one memory, everything at once: a spinner that longjmps, an accept loop, a heap that grows, thread-locals,
 * a signal. Prints "ok" and how much was done; anything lost ends it with its name. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHECK(what) ((what) ? (void)0 : (printf("lost: %s\n", #what), exit(1)))
enum { CLIENTS = 50, BLOCKS = 64, BLOCK = 512 << 10 };

static _Thread_local int mine = 7;
static volatile sig_atomic_t interrupted;
static volatile int done;
static struct sockaddr_in server_address;
static int listener;

static void on_interrupt(int signal) { interrupted = signal; }

static void leap(jmp_buf *back, int depth) {
	if (depth == 0)
		longjmp(*back, 3);
	leap(back, depth - 1);
}

static void *spin(void *count) {
	for (mine = 0; !done; mine++) {
		jmp_buf back;
		volatile int before = mine;
		switch (setjmp(back)) {
		case 0: leap(&back, mine % 20); break;
		case 3: CHECK(before == mine); break;
		default: CHECK(!"longjmp's value");
		}
		if (mine % 100 == 0)
			sched_yield();
	}
	*(int *)count = mine;
	return NULL;
}

static void *serve(void *unused) {
	for (int n = 0; n < CLIENTS; n++) {
		int client = accept(listener, NULL, NULL);
		CHECK(client >= 0);
		char line[64];
		ssize_t length = read(client, line, sizeof line);
		CHECK(length > 0 && write(client, line, length) == length);
		close(client);
		mine += 1;
	}
	CHECK(mine == 7 + CLIENTS);
	return unused;
}

static void *ask(void *unused) {
	for (int n = 0; n < CLIENTS; n++) {
		int server = socket(AF_INET, SOCK_STREAM, 0);
		CHECK(connect(server, (void *)&server_address, sizeof server_address) == 0);
		char sent[64], received[64] = "";
		int length = snprintf(sent, sizeof sent, "question %d", n) + 1;
		CHECK(write(server, sent, length) == length);
		CHECK(read(server, received, sizeof received) == length && strcmp(sent, received) == 0);
		close(server);
	}
	CHECK(mine == 7);
	return unused;
}

static void *grow(void *unused) {
	unsigned char *blocks[BLOCKS];
	for (int n = 0; n < BLOCKS; n++) {
		CHECK((blocks[n] = malloc(BLOCK)) != NULL);
		memset(blocks[n], n, BLOCK);
		sched_yield();
	}
	for (int n = 0; n < BLOCKS; n++) {
		CHECK(blocks[n][0] == n && blocks[n][BLOCK - 1] == n && blocks[n][BLOCK / 2] == n);
		free(blocks[n]);
	}
	return unused;
}

int main(void) {
	struct sigaction action = {.sa_handler = on_interrupt};
	CHECK(sigaction(SIGINT, &action, NULL) == 0);
	server_address.sin_family = AF_INET;
	server_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(bind(listener, (void *)&server_address, sizeof server_address) == 0 && listen(listener, 5) == 0);
	socklen_t length = sizeof server_address;
	CHECK(getsockname(listener, (void *)&server_address, &length) == 0);

	int leaps = 0;
	pthread_t spinner, workers[3];
	void *(*work[3])(void *) = {serve, ask, grow};
	CHECK(pthread_create(&spinner, NULL, spin, &leaps) == 0);
	for (int n = 0; n < 3; n++)
		CHECK(pthread_create(&workers[n], NULL, work[n], NULL) == 0);
	for (int n = 0; n < 3; n++)
		CHECK(pthread_join(workers[n], NULL) == 0);
	CHECK(kill(getpid(), SIGINT) == 0);
	while (!interrupted)
		sched_yield();
	done = 1;
	CHECK(pthread_join(spinner, NULL) == 0);
	CHECK(interrupted == SIGINT && mine == 7 && leaps > 0);
	puts("ok");
	return 0;
}
