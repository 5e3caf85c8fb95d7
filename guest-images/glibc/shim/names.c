/* locale -a and -m without locale archive and charmap files: what musl has is built into it. */
static void
write_locales (void)
{
  /* Any name is taken, for UTF-8; these are what Debian's libc has without the package locales. */
  puts ("C\nC.utf8\nPOSIX");
}

static void
write_charmaps (void)
{
  static const char *const encodings[] = {
#include "encodings.h"
  };
  for (size_t i = 0; i < NELEMS (encodings); ++i)
    puts (encodings[i]);
}
