/* Nothing of it is needed: see gconv_int.h. */
