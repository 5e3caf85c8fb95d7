# Appended to git's Makefile: the two modules of programs.c, in which every
# program's cmd_main() gets a name of its own.
git.o: EXTRA_CPPFLAGS += -Dcmd_main=git_main
daemon.o: EXTRA_CPPFLAGS += -Dcmd_main=daemon_main
http-backend.o: EXTRA_CPPFLAGS += -Dcmd_main=backend_main
shell.o: EXTRA_CPPFLAGS += -Dcmd_main=shell_main
sh-i18n--envsubst.o: EXTRA_CPPFLAGS += -Dcmd_main=envsubst_main
scalar.o: EXTRA_CPPFLAGS += -Dcmd_main=scalar_main -Dload_builtin_commands=scalar_load_builtin_commands
remote-curl.o: EXTRA_CPPFLAGS += -Dcmd_main=remote_main
http-fetch.o: EXTRA_CPPFLAGS += -Dcmd_main=fetch_main

isolet-git: programs.o git.o daemon.o http-backend.o shell.o sh-i18n--envsubst.o scalar.o $(BUILTIN_OBJS) $(GITLIBS)
	$(CC) $(ALL_CFLAGS) -o $@ $(ALL_LDFLAGS) $(filter %.o,$^) $(LIBS)

isolet-http: programs-http.o remote-curl.o http-fetch.o http.o http-walker.o $(GITLIBS)
	$(CC) $(ALL_CFLAGS) -o $@ $(ALL_LDFLAGS) $(filter %.o,$^) $(CURL_LDFLAGS) $(LIBS)

programs.o: programs.c GIT-CFLAGS
	$(CC) -o $@ -c $(ALL_CFLAGS) programs.c

programs-http.o: programs.c GIT-CFLAGS
	$(CC) -o $@ -c $(ALL_CFLAGS) -DHTTP programs.c

isolet-scripts: $(SCRIPT_SH_GEN) $(SCRIPT_LIB)
	printf '%s\n' $(BUILT_INS) >builtins
	$(MAKE) -C templates
	printf '%s\n' $(SCRIPT_SH_GEN) >scripts
	printf '%s\n' $(SCRIPT_LIB) >libraries
