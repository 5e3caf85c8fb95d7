# A Makefile: variables, pattern rules, phony targets, dependencies, an error in the middle.
# needs: make
cd "$(mktemp -d)" || exit
mkdir src
for name in alpha beta gamma; do printf 'hello from %s\n' "$name" > "src/$name.in"; done
cat > Makefile <<'EOF'
SHELL := /bin/bash
SOURCES := $(sort $(wildcard src/*.in))
OUTPUTS := $(patsubst src/%.in,build/%.out,$(SOURCES))
VERSION ?= 1.0

.PHONY: all clean test help
all: build/bundle.txt ## build everything

build/%.out: src/%.in | build
	@echo "converting $<"
	@tr a-z A-Z < $< > $@

build:
	mkdir -p $@

build/bundle.txt: $(OUTPUTS)
	@{ echo "# version $(VERSION)"; cat $^; } > $@

test: all ## check the result
	@grep -q HELLO build/bundle.txt && echo "ok: $$(wc -l < build/bundle.txt) lines"
	@test -f build/missing.txt

clean: ## remove what was built
	rm -rf build

help: ## this text
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/\1\t\2/' | sort
EOF
make
cat build/bundle.txt
make
find . -type f -exec touch -d '1 hour ago' {} +; touch src/beta.in
make VERSION=2.0
head -1 build/bundle.txt
make test; echo "test: $?"
make -n clean
make help
make nosuch; echo "nosuch: $?"
make -s clean; make -s all -j3 | sort
make -q; echo "question: $?"
