/* posix_spawn.c */
