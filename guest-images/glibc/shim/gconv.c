/* iconv(3) as glibc's behaves, over musl's: a character that the target has not is an error, is left out (-c, //IGNORE) or
 * is written in other letters (//TRANSLIT, by glibc's tables), where musl writes an asterisk; UTF-16 and UTF-32 are in the
 * machine's order with a byte order mark. One character at a time. */
#include "config.h"
#include <ctype.h>
#include <iconv.h>
#include <langinfo.h>
#include <limits.h>
#include <stdint.h>
#include <strings.h>

enum { __GCONV_OK, __GCONV_NOCONV };
struct gconv_spec {
	const char *from, *to;
	_Bool ignore;
};

struct replacement {
	uint32_t character;
	const char *text; /* UTF-8 */
};
static const struct replacement replacements[] = {
#include "translit.h"
};
static const char *const encodings[] = {
#include "encodings.h"
};

struct conversion {
	iconv_t decode, encode, text; /* to UTF-32LE, from it, from UTF-8 */
	_Bool ignore, translit, illegal;
	const char *mark; /* written before the first character */
	size_t mark_bytes;
	int order; /* bytes of a unit whose order the first one tells, else 0 */
	char pending[64];
	size_t waiting; /* of `pending`, for want of room */
};

/* Copies a name without its suffixes, which it tells. */
static int plain(const char *name, char out[64], _Bool *ignore, _Bool *translit)
{
	const char *slash = strstr(name, "//");
	size_t length = slash ? (size_t)(slash - name) : strlen(name);
	if (length >= 64) return -1;
	memcpy(out, name, length);
	out[length] = 0;
	if (!*out) strcpy(out, nl_langinfo(CODESET));
	for (const char *s = slash; s && *s;) {
		s += strspn(s, "/,");
		if (!strncasecmp(s, "IGNORE", 6)) *ignore = 1;
		if (!strncasecmp(s, "TRANSLIT", 8)) *translit = 1;
		s += strcspn(s, "/,");
	}
	return 0;
}

static _Bool is(const char *name, const char *wanted)
{
	for (;; name++) {
		while (*name == '-' || *name == '_') name++;
		if (toupper(*name) != *wanted) return 0;
		if (!*wanted++) return 1;
	}
}

struct gconv_spec *__gconv_create_spec(struct gconv_spec *spec, const char *from, const char *to)
{
	*spec = (struct gconv_spec) { from, to, 0 };
	return spec;
}

int __gconv_open(const struct gconv_spec *spec, struct conversion **result, int flags)
{
	char from[64], to[64];
	_Bool unused = 0;
	struct conversion *c = calloc(1, sizeof *c);
	if (!c) return __GCONV_NOCONV + 1;
	c->ignore = spec->ignore;
	if (plain(spec->from, from, &unused, &unused) || plain(spec->to, to, &c->ignore, &c->translit)) goto unknown;
	if (is(to, "UTF16")) strcpy(to, "UTF-16LE"), c->mark = "\xff\xfe", c->mark_bytes = 2;
	else if (is(to, "UTF32")) strcpy(to, "UTF-32LE"), c->mark = "\xff\xfe\0\0", c->mark_bytes = 4;
	else if (is(to, "UCS2")) strcpy(to, "UCS-2LE");
	if (is(from, "UTF16") || is(from, "UCS2")) c->order = 2;
	else if (is(from, "UTF32")) c->order = 4;
	c->decode = iconv_open("UTF-32LE", from);
	c->encode = iconv_open(to, "UTF-32LE");
	c->text = iconv_open(to, "UTF-8");
	if (c->decode == (iconv_t)-1 || c->encode == (iconv_t)-1 || c->text == (iconv_t)-1) goto unknown;
	*result = c;
	return __GCONV_OK;
unknown:
	free(c);
	return __GCONV_NOCONV;
}

iconv_t gconv_iconv_open(const char *to, const char *from)
{
	struct gconv_spec spec = { from, to, 0 };
	struct conversion *c;
	if (__gconv_open(&spec, &c, 0) == __GCONV_OK) return (iconv_t)c;
	errno = EINVAL;
	return (iconv_t)-1;
}

_Bool __gconv_has_illegal_input(struct conversion *c) { return c->illegal; }

/* Encodes into `pending`. False if the target has it not. */
static _Bool encode(struct conversion *c, iconv_t how, char *from, size_t bytes)
{
	char *to = c->pending + c->waiting;
	size_t room = sizeof c->pending - c->waiting, before = room;
	if (iconv(how, &from, &bytes, &to, &room) != 0 || bytes) return 0;
	c->waiting += before - room;
	return 1;
}

static int compare(const void *key, const void *entry)
{
	uint32_t a = *(const uint32_t *)key, b = ((const struct replacement *)entry)->character;
	return a < b ? -1 : a > b;
}

/* The first replacement that the target has; else a question mark, as glibc's locales say. */
static _Bool transliterate(struct conversion *c, uint32_t character)
{
	const struct replacement *r =
	    bsearch(&character, replacements, sizeof replacements / sizeof *replacements, sizeof *r, compare);
	if (r) {
		while (r > replacements && r[-1].character == character) r--;
		for (; r < replacements + sizeof replacements / sizeof *replacements && r->character == character; r++)
			if (encode(c, c->text, (char *)r->text, strlen(r->text))) return 1;
	}
	return encode(c, c->text, "?", 1);
}

static _Bool flush(struct conversion *c, char **out, size_t *room)
{
	size_t n = c->waiting < *room ? c->waiting : *room;
	memcpy(*out, c->pending, n);
	memmove(c->pending, c->pending + n, c->waiting -= n);
	*out += n;
	*room -= n;
	return !c->waiting;
}

size_t gconv_iconv(iconv_t descriptor, char **in, size_t *left, char **out, size_t *room)
{
	struct conversion *c = (struct conversion *)descriptor;
	_Bool skipped = 0;
	if (c->mark_bytes && in) {
		memcpy(c->pending, c->mark, c->waiting = c->mark_bytes);
		c->mark_bytes = 0;
	}
	if (!flush(c, out, room)) return errno = E2BIG, -1;
	if (!in) {
		char *to = c->pending;
		size_t free = sizeof c->pending;
		iconv(c->encode, 0, 0, &to, &free);
		c->waiting = sizeof c->pending - free;
		return flush(c, out, room) ? 0 : (errno = E2BIG, (size_t)-1);
	}
	if (c->order) {
		/* Without a mark the order is the machine's: a mark is put in front for musl. */
		const unsigned char *first = (unsigned char *)*in;
		if (*left < (size_t)c->order) return errno = EINVAL, -1;
		_Bool big = c->order == 2 ? first[0] == 0xfe && first[1] == 0xff : !first[0] && !first[1] && first[2] == 0xfe && first[3] == 0xff;
		char mark[4] = "\xff\xfe\0", sink[4];
		char *from = mark, *to = sink;
		size_t bytes = c->order, space = 0;
		if (!big && (first[0] != 0xff || first[1] != 0xfe)) iconv(c->decode, &from, &bytes, &to, &space);
		c->order = 0;
	}
	while (*left) {
		uint32_t character;
		char *to = (char *)&character;
		size_t space = sizeof character;
		char *start = *in;
		size_t before = *left;
		if (iconv(c->decode, in, left, &to, &space) == (size_t)-1 && space == sizeof character) {
			if (errno != EILSEQ || !c->ignore || !*left) return -1;
			++*in, --*left;
			skipped = c->illegal = 1;
			continue;
		}
		if (space == sizeof character) continue; /* a byte order mark or a shift */
		if (!encode(c, c->encode, (char *)&character, sizeof character) && !(c->translit && transliterate(c, character))) {
			if (!c->ignore) {
				*in = start, *left = before;
				return errno = EILSEQ, -1;
			}
			skipped = c->illegal = 1;
			continue;
		}
		if (!flush(c, out, room)) return errno = E2BIG, -1;
	}
	return skipped ? (errno = EILSEQ, (size_t)-1) : 0;
}

void print_encodings(FILE *out)
{
	for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++) fprintf(out, "%s//\n", encodings[i]);
}
