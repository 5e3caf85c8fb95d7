/* What getent.c asks for and musl has not: see databases.c. */
#ifndef DATABASES_H
#define DATABASES_H
#include <netdb.h>
#include <netinet/ether.h>
#include <stdio.h>

struct aliasent {
	char *alias_name;
	size_t alias_members_len;
	char **alias_members;
	int alias_local;
};
void setaliasent(void);
void endaliasent(void);
struct aliasent *getaliasent(void);
struct aliasent *getaliasbyname(const char *);

struct sgrp {
	char *sg_namp, *sg_passwd;
	char **sg_adm, **sg_mem;
};
void setsgent(void);
void endsgent(void);
struct sgrp *getsgent(void);
struct sgrp *getsgnam(const char *);
int putsgent(const struct sgrp *, FILE *);

int setnetgrent(const char *);
void endnetgrent(void);
int getnetgrent(char **, char **, char **);
int innetgr(const char *, const char *, const char *, const char *);

/* musl's know no files but by key, or none at all. */
#define sethostent files_sethostent
#define gethostent files_gethostent
#define endhostent files_endhostent
#define gethostbyname2 files_gethostbyname2
#define gethostbyaddr files_gethostbyaddr
#define setservent files_setservent
#define getservent files_getservent
#define endservent files_endservent
#define getservbyname files_getservbyname
#define getservbyport files_getservbyport
#define setprotoent files_setprotoent
#define getprotoent files_getprotoent
#define endprotoent files_endprotoent
#define getprotobyname files_getprotobyname
#define getprotobynumber files_getprotobynumber
#define setnetent files_setnetent
#define getnetent files_getnetent
#define endnetent files_endnetent
#define getnetbyname files_getnetbyname
#define getnetbyaddr files_getnetbyaddr
#define ether_ntohost files_ether_ntohost
#define ether_hostton files_ether_hostton

void sethostent(int);
struct hostent *gethostent(void);
void endhostent(void);
struct hostent *gethostbyname2(const char *, int);
struct hostent *gethostbyaddr(const void *, socklen_t, int);
void setservent(int);
struct servent *getservent(void);
void endservent(void);
struct servent *getservbyname(const char *, const char *);
struct servent *getservbyport(int, const char *);
void setprotoent(int);
struct protoent *getprotoent(void);
void endprotoent(void);
struct protoent *getprotobyname(const char *);
struct protoent *getprotobynumber(int);
void setnetent(int);
struct netent *getnetent(void);
void endnetent(void);
struct netent *getnetbyname(const char *);
struct netent *getnetbyaddr(uint32_t, int);
int ether_ntohost(char *, const struct ether_addr *);
int ether_hostton(const char *, struct ether_addr *);

/* Names go out as they are. */
#define AI_IDN 0
#define AI_CANONIDN 0
int __nss_configure_lookup(const char *, const char *);
#endif
