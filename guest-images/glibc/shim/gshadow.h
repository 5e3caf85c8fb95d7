#include "databases.h"
