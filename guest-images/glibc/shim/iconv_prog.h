#include <fcntl.h>
extern int omit_invalid;
static int verbose;
