# getconf: limits, paths, errors; locale: the variables, names of items, what there is.
getconf INT_MAX; getconf CHAR_BIT; getconf UCHAR_MAX; getconf SHRT_MIN; getconf CLK_TCK; getconf OPEN_MAX; getconf _NPROCESSORS_ONLN
getconf NAME_MAX /; getconf PATH_MAX /; getconf PIPE_BUF /; getconf _POSIX_VERSION; getconf POSIX2_VERSION; getconf LOGIN_NAME_MAX; getconf IOV_MAX; getconf PATH | tr : '\n' | grep -cx /bin
getconf -v POSIX_V7_LP64_OFF64 CHAR_BIT; getconf NOSUCH; echo "exit $?"; getconf; echo "exit $?"; getconf NAME_MAX; echo "exit $?"; getconf NAME_MAX /nonexistent; echo "exit $?"; getconf INT_MAX / ; echo "exit $?"; getconf -a | grep -c '^\(INT_MAX\|PAGE_SIZE\|NAME_MAX\|OPEN_MAX\) '
locale; LC_ALL=C locale; LANG= LC_TIME=C locale; LC_NUMERIC=POSIX LANG=C locale | grep NUM
locale -a; locale charmap; LC_ALL=C.UTF-8 locale charmap
locale decimal_point day abmon d_fmt t_fmt am_pm yesexpr noexpr; locale -k decimal_point mon charmap; locale -c d_fmt; locale -ck LC_MESSAGES | grep -v "codeset\|str"; locale -k LC_NUMERIC | head -n 2
locale nosuch; echo "exit $?"; locale --bad 2>&1 | head -n 1
