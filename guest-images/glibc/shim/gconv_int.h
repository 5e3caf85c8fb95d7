/* What iconv_prog.c takes from the inside of glibc's conversions: see gconv.c. */
#include <iconv.h>
#include <limits.h>
#include <strings.h>
#include <sys/stat.h>

enum { __GCONV_OK, __GCONV_NOCONV, __GCONV_NODB, __GCONV_NOMEM };
struct gconv_spec {
	const char *from, *to;
	_Bool ignore;
};
typedef struct conversion *__gconv_t;

struct gconv_spec *__gconv_create_spec(struct gconv_spec *, const char *from, const char *to);
int __gconv_open(const struct gconv_spec *, __gconv_t *, int flags);
#define __gconv_destroy_spec(spec) ((void) (spec))
_Bool __gconv_has_illegal_input(__gconv_t);
void print_encodings(FILE *);

/* iconv_prog.c hands its __gconv_t to these as an iconv_t. */
size_t gconv_iconv(iconv_t, char **, size_t *, char **, size_t *);
iconv_t gconv_iconv_open(const char *, const char *);
#define iconv gconv_iconv
#define iconv_open gconv_iconv_open

/* Character maps in files: localedef's, of which there are none. */
struct charmap_t;
#define charmap_read(...) ((struct charmap_t *) 0)
#define charmap_conversion(...) EXIT_FAILURE
