/* Nothing of it is needed. */
#define __LDOUBLE_REDIRECTS_TO_FLOAT128_ABI 0
