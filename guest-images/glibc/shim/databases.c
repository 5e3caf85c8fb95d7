/* The databases of /etc that getent lists, read as nss_files does; names that /etc/hosts has not go
 * to musl's resolver. One program, one thread, one entry at a time. */
#include "config.h"
#include "databases.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <strings.h>
#include <sys/socket.h>

#define WORDS 64

struct table {
	const char *path;
	FILE *file;
	char *line;
	size_t size;
	char *words[WORDS + 1];
};

static void start(struct table *t)
{
	if (t->file) rewind(t->file);
	else t->file = fopen(t->path, "re");
}

static void stop(struct table *t)
{
	if (t->file) fclose(t->file);
	t->file = 0;
}

/* The next line that has at least `least` words, split at blanks; 0 at the end. */
static char **next(struct table *t, int least)
{
	if (!t->file) start(t);
	if (!t->file) return 0;
	while (getline(&t->line, &t->size, t->file) > 0) {
		int n = 0;
		t->line[strcspn(t->line, "#\n")] = 0;
		for (char *rest = t->line, *word; n < WORDS && (word = strsep(&rest, " \t\r"));)
			if (*word) t->words[n++] = word;
		t->words[n] = 0;
		if (n >= least) return t->words;
	}
	return 0;
}

static int named(const char *name, char *official, char **aliases)
{
	if (!strcmp(name, official)) return 1;
	for (; *aliases; aliases++)
		if (!strcmp(name, *aliases)) return 1;
	return 0;
}

static struct table hosts = { "/etc/hosts" };
static struct hostent host;

void sethostent(int stay) { start(&hosts); }
void endhostent(void) { stop(&hosts); }

static struct hostent *host_of(char **words)
{
	static unsigned char address[16];
	static char *addresses[2];
	host.h_addrtype = strchr(words[0], ':') ? AF_INET6 : AF_INET;
	host.h_length = host.h_addrtype == AF_INET6 ? 16 : 4;
	if (inet_pton(host.h_addrtype, words[0], address) != 1) return 0;
	addresses[0] = (char *)address;
	host.h_addr_list = addresses;
	host.h_name = words[1];
	host.h_aliases = words + 2;
	return &host;
}

/* Enumerating tells the IPv4 hosts, and those of IPv6 that have a place there. */
struct hostent *gethostent(void)
{
	for (char **words; (words = next(&hosts, 2));) {
		struct hostent *h = host_of(words);
		if (!h) continue;
		if (h->h_addrtype == AF_INET6) {
			static const unsigned char one[16] = { [15] = 1 };
			if (memcmp(h->h_addr_list[0], one, 16)) continue;
			h->h_addrtype = AF_INET;
			h->h_length = 4;
			memcpy(h->h_addr_list[0], "\177\0\0\1", 4);
		}
		return h;
	}
	return 0;
}

#undef gethostbyname2
#undef gethostbyaddr
struct hostent *gethostbyname2(const char *, int);
struct hostent *gethostbyaddr(const void *, socklen_t, int);

static struct hostent *in_hosts(int family, const char *name, const void *address, int length)
{
	struct hostent *found = 0;
	start(&hosts);
	for (char **words; !found && (words = next(&hosts, 2));) {
		struct hostent *h = host_of(words);
		if (!h || h->h_addrtype != family) continue;
		if (name ? !strcasecmp(name, h->h_name) || named(name, h->h_name, h->h_aliases)
		         : h->h_length == length && !memcmp(h->h_addr_list[0], address, length))
			found = h;
	}
	stop(&hosts);
	return found;
}

static struct hostent *without_self(struct hostent *h)
{
	/* musl gives the name asked for as an alias of itself. */
	if (h && h->h_aliases[0] && !strcasecmp(h->h_aliases[0], h->h_name)) h->h_aliases[0] = 0;
	return h;
}

struct hostent *files_gethostbyname2(const char *name, int family)
{
	struct hostent *found = in_hosts(family, name, 0, 0);
	return found ? found : without_self(gethostbyname2(name, family));
}

struct hostent *files_gethostbyaddr(const void *address, socklen_t length, int family)
{
	struct hostent *found = in_hosts(family, 0, address, length);
	if (found) return found;
	found = without_self(gethostbyaddr(address, length, family));
	/* musl answers with the number where there is no name. */
	char text[64];
	if (found && inet_ntop(family, address, text, sizeof text) && !strcmp(text, found->h_name)) return 0;
	return found;
}

static struct table services = { "/etc/services" };

void setservent(int stay) { start(&services); }
void endservent(void) { stop(&services); }

struct servent *getservent(void)
{
	static struct servent service;
	for (char **words; (words = next(&services, 2));) {
		char *slash = strchr(words[1], '/');
		if (!slash) continue;
		*slash = 0;
		service = (struct servent) { words[0], words + 2, htons(atoi(words[1])), slash + 1 };
		return &service;
	}
	return 0;
}

static struct servent *service_by(const char *name, int port, const char *proto)
{
	struct servent *s;
	start(&services);
	while ((s = getservent()))
		if ((!proto || !strcmp(proto, s->s_proto)) &&
		    (name ? named(name, s->s_name, s->s_aliases) : s->s_port == port))
			break;
	return s;
}

struct servent *getservbyname(const char *name, const char *proto) { return service_by(name, 0, proto); }
struct servent *getservbyport(int port, const char *proto) { return service_by(0, port, proto); }

static struct table protocols = { "/etc/protocols" };

void setprotoent(int stay) { start(&protocols); }
void endprotoent(void) { stop(&protocols); }

struct protoent *getprotoent(void)
{
	static struct protoent protocol;
	char **words = next(&protocols, 2);
	if (!words) return 0;
	protocol = (struct protoent) { words[0], words + 2, atoi(words[1]) };
	return &protocol;
}

struct protoent *getprotobyname(const char *name)
{
	struct protoent *p;
	start(&protocols);
	while ((p = getprotoent()) && !named(name, p->p_name, p->p_aliases));
	return p;
}

struct protoent *getprotobynumber(int number)
{
	struct protoent *p;
	start(&protocols);
	while ((p = getprotoent()) && p->p_proto != number);
	return p;
}

static struct table networks = { "/etc/networks" };

void setnetent(int stay) { start(&networks); }
void endnetent(void) { stop(&networks); }

struct netent *getnetent(void)
{
	static struct netent network;
	for (char **words; (words = next(&networks, 2));) {
		/* An address may stop early: 10 is 10.0.0.0. */
		unsigned a = 0, b = 0, c = 0, d = 0;
		if (sscanf(words[1], "%u.%u.%u.%u", &a, &b, &c, &d) < 1) continue;
		network = (struct netent) { words[0], words + 2, AF_INET, a << 24 | b << 16 | c << 8 | d };
		return &network;
	}
	return 0;
}

struct netent *getnetbyname(const char *name)
{
	struct netent *n;
	start(&networks);
	while ((n = getnetent()) && !named(name, n->n_name, n->n_aliases));
	return n;
}

struct netent *getnetbyaddr(uint32_t address, int family)
{
	struct netent *n;
	start(&networks);
	while ((n = getnetent()) && n->n_net != address);
	return n;
}

static struct table ethers = { "/etc/ethers" };

static char *ether(const char *name, struct ether_addr *address)
{
	start(&ethers);
	for (char **words; (words = next(&ethers, 2));) {
		struct ether_addr *a = ether_aton(words[0]);
		if (!a) continue;
		if (name ? !strcasecmp(name, words[1]) : !memcmp(a, address, sizeof *a)) {
			*address = *a;
			return words[1];
		}
	}
	return 0;
}

int ether_ntohost(char *name, const struct ether_addr *address)
{
	struct ether_addr copy = *address;
	char *found = ether(0, &copy);
	if (!found || strlen(found) >= 1024) return -1;
	strcpy(name, found);
	return 0;
}

int ether_hostton(const char *name, struct ether_addr *address)
{
	return ether(name, address) ? 0 : -1;
}

static struct table gshadow = { "/etc/gshadow" };

void setsgent(void) { start(&gshadow); }
void endsgent(void) { stop(&gshadow); }

static char **list(char *text, char **words)
{
	int n = 0;
	for (char *word; text && n < WORDS && (word = strsep(&text, ","));)
		if (*word) words[n++] = word;
	words[n] = 0;
	return words;
}

struct sgrp *getsgent(void)
{
	static struct sgrp entry;
	static char *administrators[WORDS + 1];
	if (!gshadow.file) start(&gshadow);
	while (gshadow.file && getline(&gshadow.line, &gshadow.size, gshadow.file) > 0) {
		char *rest = gshadow.line;
		rest[strcspn(rest, "\n")] = 0;
		entry.sg_namp = strsep(&rest, ":");
		entry.sg_passwd = strsep(&rest, ":");
		char *third = strsep(&rest, ":");
		if (!rest || !*entry.sg_namp) continue;
		entry.sg_adm = list(third, administrators);
		entry.sg_mem = list(rest, gshadow.words);
		return &entry;
	}
	return 0;
}

struct sgrp *getsgnam(const char *name)
{
	struct sgrp *s;
	start(&gshadow);
	while ((s = getsgent()) && strcmp(name, s->sg_namp));
	return s;
}

int putsgent(const struct sgrp *s, FILE *out)
{
	fprintf(out, "%s:%s:", s->sg_namp, s->sg_passwd);
	for (char **a = s->sg_adm; *a; a++) fprintf(out, "%s%s", a == s->sg_adm ? "" : ",", *a);
	fputc(':', out);
	for (char **m = s->sg_mem; *m; m++) fprintf(out, "%s%s", m == s->sg_mem ? "" : ",", *m);
	return fputc('\n', out) < 0 ? -1 : 0;
}

static struct table aliases = { "/etc/aliases" };

void setaliasent(void) { start(&aliases); }
void endaliasent(void) { stop(&aliases); }

struct aliasent *getaliasent(void)
{
	static struct aliasent entry;
	if (!aliases.file) start(&aliases);
	while (aliases.file && getline(&aliases.line, &aliases.size, aliases.file) > 0) {
		char *rest = aliases.line;
		rest[strcspn(rest, "#\n")] = 0;
		entry.alias_name = strsep(&rest, ":");
		if (!rest) continue;
		int n = 0;
		for (char *word; n < WORDS && (word = strsep(&rest, ", \t"));)
			if (*word) aliases.words[n++] = word;
		entry.alias_members = aliases.words;
		entry.alias_members_len = n;
		entry.alias_local = 1;
		if (n) return &entry;
	}
	return 0;
}

struct aliasent *getaliasbyname(const char *name)
{
	struct aliasent *a;
	start(&aliases);
	while ((a = getaliasent()) && strcasecmp(name, a->alias_name));
	return a;
}

/* Debian's nsswitch.conf takes netgroups from NIS alone: there are none. */
int setnetgrent(const char *name) { return 0; }
void endnetgrent(void) {}
int getnetgrent(char **host, char **user, char **domain) { return 0; }
int innetgr(const char *group, const char *host, const char *user, const char *domain) { return 0; }
