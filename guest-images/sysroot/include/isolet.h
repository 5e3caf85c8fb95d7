#ifndef _ISOLET_H
#define _ISOLET_H

/* What the guest ABI (ABI.md) adds to Linux's system calls, and what a
 * program needs to see signals in a loop that never calls out. */

#ifdef __cplusplus
extern "C" {
#endif

#define SYS_isolet_start_block   0x4000
#define SYS_isolet_spawn         0x4001
#define SYS_isolet_thread        0x4002
#define SYS_isolet_signal_take   0x4003
#define SYS_isolet_signal_return 0x4004
#define SYS_isolet_pending_word  0x4005
#define SYS_isolet_break_word    0x4006
#define SYS_isolet_map_shared    0x4007
#define SYS_isolet_start_image   0x4008

/* What SYS_isolet_start_image is asked; ABI.md, "Start images". */
#define ISOLET_IMAGE_MAKING  0
#define ISOLET_IMAGE_READY   1
#define ISOLET_IMAGE_PLAINLY 2

/* The main thread's pending word: not 0 when a signal with a handler waits.
 * A loop that polls it calls __isolet_deliver(), which runs the handlers and
 * returns 1 if every handler that ran had SA_RESTART, else 0. */
extern volatile int __isolet_pending;
int __isolet_deliver(void);

#define isolet_poll_signals() \
	((void)(__isolet_pending && __isolet_deliver()))

#ifdef __cplusplus
}
#endif

#endif
