/* Where Asyncify keeps the call stack of a fork (ABI.md). Overflow is the death of
 * the process. wasm32-isolet-cc compiles this into programs that fork. */

struct asyncify_buf {
	char *current, *end;
	char bytes[ISOLET_ASYNCIFY_BYTES];
};

/* `end` makes it data; wasm-opt takes the zeros out of the file again. */
extern struct asyncify_buf isolet_asyncify_buf;
__attribute__((aligned(16)))
struct asyncify_buf isolet_asyncify_buf = {
	isolet_asyncify_buf.bytes,
	isolet_asyncify_buf.bytes + ISOLET_ASYNCIFY_BYTES,
	{ 0 },
};
