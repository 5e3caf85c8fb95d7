# make in a small project: generated files, dependency files, install, stamps, recursive builds, scripts as tools.
# needs: make gawk
cd "$(mktemp -d)"
older() { find . -type f -exec touch -d '1 hour ago' {} +; touch "$@"; }
mkdir -p src tools; printf '#!/bin/sh\n# "compiles": numbers the lines\nawk "{ print NR \\": \\" \\$0 }" "$1"\n' >tools/cc; chmod +x tools/cc
for i in one two three; do printf '#include "common.h"\nvoid %s(void);\n' $i >src/$i.c; done; echo '#define X 1' >src/common.h
cat >Makefile <<'M'
SRCS := $(sort $(wildcard src/*.c))
OBJS := $(SRCS:src/%.c=build/%.o)
DEPS := $(OBJS:.o=.d)
PREFIX ?= /usr/local
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
.PHONY: all clean install test help
all: build/app
build/app: $(OBJS)
	$(Q)cat $^ >$@
	@echo "LINK $(@F)"
build/%.o: src/%.c tools/cc | build
	@echo "CC $(<F)"
	$(Q)./tools/cc $< >$@
	$(Q)sed -n 's/#include "\(.*\)"/$(subst /,\/,$@): src\/\1/p' $< >$(@:.o=.d)
build:
	$(Q)mkdir -p $@
-include $(DEPS)
version.h: VERSION
	echo '#define VERSION "$(shell cat VERSION)"' >$@
install: all
	$(Q)install -D -m 755 build/app $(DESTDIR)$(PREFIX)/bin/app
test: all
	@grep -c void build/app | xargs -I{} test {} -eq 3 && echo PASS
help: ## show this
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{ printf "%-8s %s\n", $$1, $$2 }'
clean:
	$(Q)rm -rf build
M
make; make; cat build/app; older src/common.h; make | sort; older src/two.c; touch -d '1 minute ago' build/*.o; make; make test; make help; make install DESTDIR="$PWD/root" PREFIX=/opt; find root -type f; stat -c %a root/opt/bin/app; echo 1.2 >VERSION; make version.h; cat version.h; make clean V=1; ls; make -j3 -s | sort; make -n clean; rm src/one.c; make 2>&1 | sort | tail -n 2; ls build | sort
make -p -n 2>/dev/null | grep -c '^build/app:'; make -d -n 2>/dev/null | grep -c 'Must remake target' | awk '{ print $1 >= 0 }'; make --print-data-base -f /dev/null 2>/dev/null | grep '^MAKE_COMMAND'; make -v | head -n 1 | cut -d' ' -f1,2; make -h | head -n 1
