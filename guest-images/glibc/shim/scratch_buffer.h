/* Included by getent.c, which uses nothing of it. */
