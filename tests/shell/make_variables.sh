# make: variables and functions, conditionals, define, include, export, command line and environment.
# needs: make
cd "$(mktemp -d)"
cat >Makefile <<'M'
A = $(B) late
B = b
C := $(B) early
B = changed
D ?= default
E += one
E += two
F = $(shell echo from shell; echo two lines)
LIST = src/a.c src/b.c lib/c.h
define BLOCK
line 1 $(1)
line 2
endef
f = <$(1)|$(2)>
export EXPORTED = value
T: PRIV = target specific
all: T
	@echo '$(A)' '$(C)' '$(D)' '$(E)' '$(F)'
	@echo '$(notdir $(LIST))' '$(dir $(LIST))' '$(basename $(LIST))' '$(suffix $(LIST))'
	@echo '$(patsubst %.c,%.o,$(LIST))' '$(LIST:.c=.d)' '$(filter %.c,$(LIST))' '$(filter-out src/%,$(LIST))'
	@echo '$(sort c a b a)' '$(words $(LIST))' '$(word 2,$(LIST))' '$(firstword $(LIST))' '$(lastword $(LIST))' '$(wordlist 2,3,$(LIST))'
	@echo '$(subst b,X,abcb)' '$(strip   a   b )' '$(findstring b,abc)' '$(addprefix p-,a b)' '$(addsuffix .s,a b)' '$(join a b,1 2)'
	@echo '$(foreach v,1 2 3,[$(v)])' '$(call f,x,y)' '$(if ,yes,no)' '$(or ,b,c)' '$(and a,b)' '$(origin A)' '$(origin PATH)' '$(origin nothing)' '$(flavor A)' '$(flavor C)' '$(value A)'
	@echo '$(word 3,$(call BLOCK,arg))'
	@echo $$HOME | wc -l; echo "$$EXPORTED $(EXPORTED)"; printf '%s\n' "$${EXPORTED%e}"
	@echo '$(abspath x/../y)' | sed 's#.*/##'; echo '$(wildcard Make*)' '$(realpath .)' | sed 's# .*##'
T:
	@echo '$(PRIV)'
ifeq ($(D),default)
COND = was default
else ifdef D
COND = given
else
COND = none
endif
cond:
	@echo '$(COND)' '$(D)'
include more.mk
-include absent.mk
M
echo 'MORE = included
more: ; @echo "$(MORE)" $(MAKEFILE_LIST)' >more.mk
make; make cond; make cond D=cmd; D=env make cond; D=env make -e cond; make more; make A=over E=over all; make cond D=; printf 'x:\n\t@echo $(V) $(MAKECMDGOALS) $(MAKEFLAGS)\n' >m2; make -f m2 V=1 x; make -k -f m2 x | head -n 1; printf 'override V = fixed\nx:\n\t@echo $(V)\n' | make -f - V=no; printf 'V != echo bang\nW ::= posix\nx: ; @echo $(V) $(W)\n' | make -f -; printf '$(info told)$(warning careful)\nx: ; @:\n' | make -f - 2>&1 | sed 's/^[^:]*:1: //'; printf '$(error stop here)\nx: ; @:\n' | make -f - 2>&1 | sed 's/^[^:]*:1: //'; printf 'define two\n@echo 1\n@echo 2\nendef\nx:\n\t$(two)\n' | make -f -; printf '$(eval gen: ; @echo generated)\n' | make -f - gen; printf 'T = a b\ndefine rule\n$(1): ; @echo rule $(1)\nendef\nall: $(T)\n$(foreach t,$(T),$(eval $(call rule,$(t))))\n' | make -f - all; printf '.ONESHELL:\nx:\n\t@v=1\n\techo same shell $$v\n' | make -f -; printf 'SHELL = /bin/bash\n.SHELLFLAGS = -euc\nx:\n\t@[[ a == a ]] && echo bash\n\t@echo $$nothing\n' | make -f - 2>/dev/null; echo "exit $?"; printf 'x: ; @echo "$(subst $(e) ,-,a b c)" "$(s)"\ne =\ns = $(e) #c\n' | make -f -; printf 'x:\n\t@echo a \\\n\t  b\n\t@echo "c\\\n\td"\nv = one \\\n    two\ny: ; @echo "$(v)"\n' | make -f - x y
