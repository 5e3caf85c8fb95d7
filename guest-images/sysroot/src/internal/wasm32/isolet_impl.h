#ifndef ISOLET_IMPL_H
#define ISOLET_IMPL_H

#include <features.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers and layouts: ABI.md. */
#define SYS_isolet_start_block   0x4000
#define SYS_isolet_spawn         0x4001
#define SYS_isolet_thread        0x4002
#define SYS_isolet_signal_take   0x4003
#define SYS_isolet_signal_return 0x4004
#define SYS_isolet_pending_word  0x4005
#define SYS_isolet_map_shared    0x4007
#define SYS_isolet_exchange      0x4009

struct isolet_spawn {
	uint32_t flags;
	int32_t pgroup;
	uint64_t sigmask, sigdefault;
	uint32_t actions, actions_len;
	uint32_t reserved[6];
};

struct isolet_spawn_action {
	int32_t op, fd, srcfd, oflag;
	uint32_t mode, path;
};

enum {
	ISOLET_SPAWN_CLOSE = 1,
	ISOLET_SPAWN_DUP2,
	ISOLET_SPAWN_OPEN,
	ISOLET_SPAWN_CHDIR,
	ISOLET_SPAWN_FCHDIR,
	ISOLET_SPAWN_CLOSEFROM,
};

struct isolet_signal {
	int32_t signal;
	uint32_t handler, flags, reserved;
	uint64_t old_mask;
	uint8_t pad[8];
	uint8_t siginfo[128];
};

/* The host's side is src/host/{spawn,signal}.rs; its tests hold the same numbers. */
#define ISOLET_AT(type, field, offset) \
	_Static_assert(__builtin_offsetof(struct type, field) == offset, "ABI")
_Static_assert(sizeof(struct isolet_spawn) == 56, "ABI");
ISOLET_AT(isolet_spawn, pgroup, 4);
ISOLET_AT(isolet_spawn, sigmask, 8);
ISOLET_AT(isolet_spawn, sigdefault, 16);
ISOLET_AT(isolet_spawn, actions, 24);
ISOLET_AT(isolet_spawn, actions_len, 28);
_Static_assert(sizeof(struct isolet_spawn_action) == 24, "ABI");
ISOLET_AT(isolet_spawn_action, fd, 4);
ISOLET_AT(isolet_spawn_action, srcfd, 8);
ISOLET_AT(isolet_spawn_action, oflag, 12);
ISOLET_AT(isolet_spawn_action, mode, 16);
ISOLET_AT(isolet_spawn_action, path, 20);
_Static_assert(sizeof(struct isolet_signal) == 160, "ABI");
ISOLET_AT(isolet_signal, handler, 4);
ISOLET_AT(isolet_signal, flags, 8);
ISOLET_AT(isolet_signal, old_mask, 16);
ISOLET_AT(isolet_signal, siginfo, 32);

/* The calling thread's pending word. */
extern hidden volatile int *__isolet_pending_ptr;

/* Page allocator over memory.grow (mman/wasm32/pages.c). Addresses and sizes
 * are multiples of ISOLET_GRAIN; take returns zeroed memory, 0 if there is none. */
#define ISOLET_GRAIN 4096
hidden uintptr_t __isolet_pages_take(size_t bytes, size_t align);
hidden int __isolet_pages_extend(uintptr_t start, size_t old, size_t bytes);
hidden void __isolet_pages_give(uintptr_t start, size_t bytes);
hidden int __isolet_pages_owned(uintptr_t start, size_t bytes);

/* Whether the program has ever made a shared mapping: only then the host knows
 * of any (mman/wasm32/pages.c). */
extern hidden int __isolet_shared;

#endif
