# sched_getaffinity(2) and sched_setaffinity(2) with processes that do not exist, and never could
# needs: python3
# image: python
python3 - <<'END'
import os

for call in os.sched_getaffinity, lambda pid: os.sched_setaffinity(pid, {0}):
    for pid in -1, 999_999, 2**31 - 1:
        try:
            print(call(pid))
        except OSError as error:
            print(error)
END
