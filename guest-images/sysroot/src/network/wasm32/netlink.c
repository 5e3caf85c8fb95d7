/* What getifaddrs() and if_nameindex() ask of netlink, which isolet's kernel
 * refuses: the same messages, made from the ioctls of netdevice(7) and
 * /proc/net/if_inet6. */
#define _GNU_SOURCE
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <syscall.h>
#include "../netlink.h"

#define INTERFACES_MAX 16

struct message {
	struct nlmsghdr h;
	char bytes[240];
};

static void begin(struct message *m, int type, const void *head, size_t length)
{
	memset(m, 0, sizeof *m);
	m->h.nlmsg_type = type;
	memcpy(NLMSG_DATA(&m->h), head, length);
	m->h.nlmsg_len = sizeof m->h + NETLINK_ALIGN(length);
}

static void add(struct message *m, int type, const void *data, size_t length)
{
	struct rtattr *a = (void *)((char *)m + m->h.nlmsg_len);

	a->rta_type = type;
	a->rta_len = sizeof *a + length;
	memcpy(RTA_DATA(a), data, length);
	m->h.nlmsg_len += NETLINK_ALIGN(a->rta_len);
}

static int prefix_of(const struct sockaddr *mask)
{
	return __builtin_popcount(((const struct sockaddr_in *)mask)->sin_addr.s_addr);
}

static int link_message(int fd, struct ifreq *r, int (*cb)(void *, struct nlmsghdr *), void *ctx)
{
	struct message m;
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC };

	if (ioctl(fd, SIOCGIFINDEX, r) < 0) return -1;
	info.ifi_index = r->ifr_ifindex;
	if (ioctl(fd, SIOCGIFFLAGS, r) < 0) return -1;
	info.ifi_flags = (unsigned short)r->ifr_flags;
	if (ioctl(fd, SIOCGIFHWADDR, r) < 0) return -1;
	info.ifi_type = r->ifr_hwaddr.sa_family;
	begin(&m, RTM_NEWLINK, &info, sizeof info);
	add(&m, IFLA_IFNAME, r->ifr_name, strnlen(r->ifr_name, IFNAMSIZ - 1) + 1);
	add(&m, IFLA_ADDRESS, r->ifr_hwaddr.sa_data, 6);
	memset(r->ifr_hwaddr.sa_data, info.ifi_flags & IFF_BROADCAST ? 0xff : 0, 6);
	add(&m, IFLA_BROADCAST, r->ifr_hwaddr.sa_data, 6);
	return cb(ctx, &m.h);
}

static int address_message(int fd, struct ifreq *r, int (*cb)(void *, struct nlmsghdr *), void *ctx)
{
	struct message m;
	struct ifaddrmsg info = { .ifa_family = AF_INET };
	int flags;

	if (ioctl(fd, SIOCGIFINDEX, r) < 0) return -1;
	info.ifa_index = r->ifr_ifindex;
	if (ioctl(fd, SIOCGIFFLAGS, r) < 0) return -1;
	flags = r->ifr_flags;
	if (ioctl(fd, SIOCGIFNETMASK, r) < 0) return -1;
	info.ifa_prefixlen = prefix_of(&r->ifr_netmask);
	if (ioctl(fd, SIOCGIFADDR, r) < 0) return -1;
	begin(&m, RTM_NEWADDR, &info, sizeof info);
	add(&m, IFA_ADDRESS, &((struct sockaddr_in *)&r->ifr_addr)->sin_addr, 4);
	if (flags & IFF_BROADCAST && ioctl(fd, SIOCGIFBRDADDR, r) == 0)
		add(&m, IFA_BROADCAST, &((struct sockaddr_in *)&r->ifr_broadaddr)->sin_addr, 4);
	add(&m, IFA_LABEL, r->ifr_name, strnlen(r->ifr_name, IFNAMSIZ - 1) + 1);
	return cb(ctx, &m.h);
}

static int addresses6(int (*cb)(void *, struct nlmsghdr *), void *ctx)
{
	FILE *f = fopen("/proc/net/if_inet6", "re");
	unsigned index, prefix, scope, flags;
	unsigned char ip[16];
	char text[33], name[IFNAMSIZ + 1];
	struct message m;
	int r = 0;

	if (!f) return 0;
	while (!r && fscanf(f, "%32s %x %x %x %x %16s", text, &index, &prefix, &scope, &flags, name) == 6) {
		struct ifaddrmsg info = {
			.ifa_family = AF_INET6, .ifa_prefixlen = prefix,
			.ifa_scope = scope, .ifa_index = index,
		};
		int i;

		for (i = 0; i < 16; i++)
			if (sscanf(text + 2 * i, "%2hhx", ip + i) != 1) break;
		if (i < 16) continue;
		begin(&m, RTM_NEWADDR, &info, sizeof info);
		add(&m, IFA_ADDRESS, ip, sizeof ip);
		r = cb(ctx, &m.h);
	}
	fclose(f);
	return r;
}

int __rtnetlink_enumerate(int link_af, int addr_af, int (*cb)(void *ctx, struct nlmsghdr *h), void *ctx)
{
	struct ifreq all[INTERFACES_MAX];
	struct ifconf list = { .ifc_len = sizeof all };
	int fd, n, i, r;

	list.ifc_req = all;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) return -1;
	r = ioctl(fd, SIOCGIFCONF, &list);
	n = r < 0 ? 0 : list.ifc_len / sizeof all[0];
	for (i = 0; !r && i < n; i++) r = link_message(fd, &all[i], cb, ctx);
	if (addr_af != AF_INET6)
		for (i = 0; !r && i < n; i++) r = address_message(fd, &all[i], cb, ctx);
	__syscall(SYS_close, fd);
	if (!r && addr_af != AF_INET) r = addresses6(cb, ctx);
	return r;
}
