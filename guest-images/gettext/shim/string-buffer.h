/* gnulib's buffer for a string in the making, as far as envsubst.c uses it. */
struct string_buffer {
	char *data;
	size_t length, room;
};

static void sb_init(struct string_buffer *buffer) { *buffer = (struct string_buffer) { 0 }; }

static void sb_xappend1(struct string_buffer *buffer, char c)
{
	if (buffer->length == buffer->room) {
		buffer->room = 2 * buffer->room + 64;
		buffer->data = xrealloc(buffer->data, buffer->room);
	}
	buffer->data[buffer->length++] = c;
}

static const char *sb_xcontents_c(struct string_buffer *buffer)
{
	sb_xappend1(buffer, 0);
	buffer->length--;
	return buffer->data;
}

#define sb_contents(buffer) (buffer)
#define string_desc_fwrite(out, buffer) ((void)fwrite((buffer)->data, 1, (buffer)->length, out))

static void sb_free(struct string_buffer *buffer) { free(buffer->data); }
