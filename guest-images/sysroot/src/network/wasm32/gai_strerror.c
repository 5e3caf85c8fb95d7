/* gai_strerror with glibc's texts. */
#include <netdb.h>
#include "locale_impl.h"

static const char *const messages[] = {
	[-EAI_BADFLAGS] = "Bad value for ai_flags",
	[-EAI_NONAME] = "Name or service not known",
	[-EAI_AGAIN] = "Temporary failure in name resolution",
	[-EAI_FAIL] = "Non-recoverable failure in name resolution",
	[-EAI_NODATA] = "No address associated with hostname",
	[-EAI_FAMILY] = "ai_family not supported",
	[-EAI_SOCKTYPE] = "ai_socktype not supported",
	[-EAI_SERVICE] = "Servname not supported for ai_socktype",
	[-EAI_MEMORY] = "Memory allocation failure",
	[-EAI_SYSTEM] = "System error",
	[-EAI_OVERFLOW] = "Result too large for supplied buffer",
};

const char *gai_strerror(int ecode)
{
	unsigned index = -(unsigned)ecode;
	if (index < sizeof messages / sizeof *messages && messages[index])
		return LCTRANS_CUR(messages[index]);
	return LCTRANS_CUR("Unknown error");
}
