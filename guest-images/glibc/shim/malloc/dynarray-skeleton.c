/* glibc's growing arrays, as far as getent.c needs them: one, of group ids. */
struct gid_list {
	size_t used;
	gid_t *ids;
};

static void gid_list_init(struct gid_list *list) { *list = (struct gid_list) { 0 }; }

static _Bool gid_list_resize(struct gid_list *list, size_t size)
{
	gid_t *grown = reallocarray(list->ids, size, sizeof *grown);
	if (!grown) return 0;
	list->ids = grown;
	list->used = size;
	return 1;
}

static size_t gid_list_size(const struct gid_list *list) { return list->used; }
static gid_t *gid_list_begin(const struct gid_list *list) { return list->ids; }
static void gid_list_free(struct gid_list *list) { free(list->ids); }
