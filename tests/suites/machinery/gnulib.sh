# The environment that the makefiles of GNU's suites give a test over gnulib's init.sh, then the test itself. Sourced by
# a suite's `start` with: test (its path from here), top (the suite's top from here), programs (what is tested).
export TMPDIR=/tmp srcdir=${srcdir:-.} top_srcdir=$top abs_top_builddir=/suite abs_top_srcdir=/suite abs_srcdir=$PWD
VERSION=$(cat /suite/VERSION)
export VERSION PACKAGE_VERSION=$VERSION built_programs=$programs fail=0 RUN_EXPENSIVE_TESTS=yes
export LOCALE_FR=none LOCALE_FR_UTF8=none LOCALE_JA=none LC_ALL=C
export host_os=linux-musl host_triplet=wasm32-unknown-linux-musl CONFIG_HEADER=/suite/config.h
export CC=none AWK=awk EGREP='grep -E' EXEEXT= MAKE=make PERL=none SHELL=/bin/bash
export PATH=$PATH:/suite/bin
unset LANG
exec /bin/bash "./$test" 9>&2
