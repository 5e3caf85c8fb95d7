#include <string.h>
#include "atomic.h"
#include "isolet_impl.h"

/* Memory above the program's data, in grains of 4 KiB: one bit says that a
 * grain is taken. First fit; the memory grows when nothing fits. What may have
 * been used before is zeroed when it is taken. No call here leaves the program,
 * so no other thread can come between. */

#define GRAINS (1u << 20)
#define WASM_PAGE 65536u
#define GRAINS_PER_PAGE (WASM_PAGE / ISOLET_GRAIN)
/* What is asked for at least when the memory grows, in wasm pages. */
#define GROW_PAGES 4

extern char __heap_base[];

int __isolet_shared;

static uint32_t used[GRAINS/32];
static uint32_t first; /* first grain that can be given out; 0: not set up */
static uint32_t limit; /* grains of the memory */
static uint32_t hint;  /* no free grain below */
static uint32_t fresh; /* never taken from here on */

static void set(uint32_t *map, uint32_t from, uint32_t to)
{
	while (from < to) {
		if (!(from & 31) && to - from >= 32) {
			map[from/32] = -1;
			from += 32;
		} else {
			map[from/32] |= 1u << (from & 31);
			from++;
		}
	}
}

static void clear(uint32_t *map, uint32_t from, uint32_t to)
{
	while (from < to) {
		if (!(from & 31) && to - from >= 32) {
			map[from/32] = 0;
			from += 32;
		} else {
			map[from/32] &= ~(1u << (from & 31));
			from++;
		}
	}
}

/* First grain in from..to whose bit is `bit`, else `to`. */
static uint32_t next(const uint32_t *map, uint32_t from, uint32_t to, int bit)
{
	while (from < to) {
		uint32_t w = (bit ? map[from/32] : ~map[from/32]) >> (from & 31);
		if (w) {
			from += a_ctz_32(w);
			return from < to ? from : to;
		}
		from = (from | 31) + 1;
	}
	return to;
}

static void setup(void)
{
	first = ((uintptr_t)__heap_base + ISOLET_GRAIN - 1) / ISOLET_GRAIN;
	limit = __builtin_wasm_memory_size(0) * GRAINS_PER_PAGE;
	set(used, 0, first);
	hint = fresh = first;
}

/* Makes the memory at least `grains` long. */
static int grow(uint32_t grains)
{
	uint32_t pages, least;
	size_t old;

	if (grains <= limit) return 1;
	if (grains > GRAINS - GRAINS_PER_PAGE) return 0;
	least = (grains - limit + GRAINS_PER_PAGE - 1) / GRAINS_PER_PAGE;
	pages = least < GROW_PAGES ? GROW_PAGES : least;
	old = __builtin_wasm_memory_grow(0, pages);
	if (old == (size_t)-1 && pages > least)
		old = __builtin_wasm_memory_grow(0, pages = least);
	if (old == (size_t)-1) return 0;
	/* What somebody else has grown is not ours. */
	if (old * GRAINS_PER_PAGE != limit)
		set(used, limit, old * GRAINS_PER_PAGE);
	limit = (old + pages) * GRAINS_PER_PAGE;
	return 1;
}

static void claim(uint32_t from, uint32_t to)
{
	uint32_t old = to < fresh ? to : fresh;

	set(used, from, to);
	if (from < old)
		memset((void *)(from * ISOLET_GRAIN), 0, (old - from) * ISOLET_GRAIN);
	if (to > fresh) fresh = to;
	if (from == hint) hint = to;
}

uintptr_t __isolet_pages_take(size_t bytes, size_t align)
{
	uint32_t n, step, at, end, stop;

	if (!first) setup();
	if (!bytes || bytes > (size_t)(GRAINS - 1) * ISOLET_GRAIN) return 0;
	n = (bytes + ISOLET_GRAIN - 1) / ISOLET_GRAIN;
	step = align > ISOLET_GRAIN ? align / ISOLET_GRAIN : 1;
	at = hint = next(used, hint, limit, 0);
	for (;;) {
		at = (at + step - 1) & -step;
		end = at + n;
		stop = next(used, at, end < limit ? end : limit, 1);
		if (stop == end) break;
		if (stop >= limit) {
			/* Free up to the end of the memory: longer memory. */
			if (!grow(end)) return 0;
			stop = next(used, at, end, 1);
			if (stop == end) break;
		}
		at = next(used, stop, limit, 0);
	}
	claim(at, end);
	return (uintptr_t)at * ISOLET_GRAIN;
}

/* Lengthens what starts at `start` in place; 0 if something is in the way. */
int __isolet_pages_extend(uintptr_t start, size_t old, size_t bytes)
{
	uint32_t from = (start + old + ISOLET_GRAIN - 1) / ISOLET_GRAIN;
	uint32_t to, end;
	if (bytes > -start) return 0;
	to = (start + bytes + ISOLET_GRAIN - 1) / ISOLET_GRAIN;
	if (to <= from) return 1;
	end = to < limit ? to : limit;
	if (next(used, from, end, 1) != end || !grow(to)) return 0;
	if (next(used, from, to, 1) != to) return 0;
	claim(from, to);
	return 1;
}

void __isolet_pages_give(uintptr_t start, size_t bytes)
{
	uint32_t from = start / ISOLET_GRAIN;
	uint32_t to = (start + bytes + ISOLET_GRAIN - 1) / ISOLET_GRAIN;
	clear(used, from, to);
	if (from < hint) hint = from;
}

/* Whether all of it has been taken and not given back. */
int __isolet_pages_owned(uintptr_t start, size_t bytes)
{
	uint32_t from = start / ISOLET_GRAIN, to;

	if (!first || !bytes || bytes > -start) return 0;
	to = from + (start % ISOLET_GRAIN + bytes + ISOLET_GRAIN - 1) / ISOLET_GRAIN;
	return from >= first && to <= limit && next(used, from, to, 0) == to;
}
