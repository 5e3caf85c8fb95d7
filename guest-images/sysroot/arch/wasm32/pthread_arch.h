/* The thread pointer is itself a thread-local: the host swaps the section
 * isolet_tls when it switches threads. */
extern hidden uintptr_t __isolet_tp;

static inline uintptr_t __get_tp(void)
{
	return __isolet_tp;
}
