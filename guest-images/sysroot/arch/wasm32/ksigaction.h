#include <features.h>

/* The kernel's sigaction of the asm-generic table (riscv32): no restorer. */
struct k_sigaction {
	void (*handler)(int);
	unsigned long flags;
	unsigned mask[2];
};

hidden void __restore(), __restore_rt();
