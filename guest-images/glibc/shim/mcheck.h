#include "config.h"
#define mtrace() ((void) 0)
