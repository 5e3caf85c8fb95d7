# setitimer's timers of CPU time: ITIMER_VIRTUAL and ITIMER_PROF, beside ITIMER_REAL
# needs: python3
# image: python
cat >timers.py <<'END'
import signal, sys, time

heard = []
for name in "SIGALRM", "SIGVTALRM", "SIGPROF":
    signal.signal(getattr(signal, name), lambda number, frame: heard.append(signal.Signals(number).name))

def compute(enough, bound=600):
    until = time.monotonic() + bound
    while not enough() and time.monotonic() < until:
        sum(range(2000))

def timer(name):
    return getattr(signal, "ITIMER_" + name)

for name in "VIRTUAL", "PROF":
    print(name, signal.getitimer(timer(name)))
    print("once", signal.setitimer(timer(name), 0.05))
    compute(lambda: heard)
    print(heard, signal.getitimer(timer(name)))
    heard.clear()
    signal.setitimer(timer(name), 0.02, 0.03)
    compute(lambda: len(heard) > 3)
    value, interval = signal.setitimer(timer(name), 0)
    print(sorted(set(heard)), len(heard), 0 < value < 0.06, round(interval, 3), signal.getitimer(timer(name)))
    heard.clear()

# Who sleeps uses no CPU time.
signal.setitimer(signal.ITIMER_VIRTUAL, 0.3)
signal.setitimer(signal.ITIMER_PROF, 0.3)
signal.setitimer(signal.ITIMER_REAL, 0.4)
time.sleep(0.5)
print(heard, *(0 < signal.getitimer(timer(name))[0] < 0.35 for name in ("VIRTUAL", "PROF")))
heard.clear()
compute(lambda: len(heard) > 1)
print(sorted(heard))
for wrong in 3, -1:
    try:
        signal.getitimer(wrong)
    except OSError as error:
        print(error)
try:
    signal.setitimer(signal.ITIMER_PROF, -1.0)
except OSError as error:
    print(error)
END
python3 timers.py
# The default action ends the process, whose pid bash tells; a program started in one's place keeps the timer.
{
    for name in VIRTUAL PROF; do
        python3 -c "import signal; signal.setitimer(signal.ITIMER_$name, 0.05)
while True: sum(range(1000))"
        echo $?
    done
    python3 -c 'import os, signal; signal.setitimer(signal.ITIMER_VIRTUAL, 0.1)
os.execvp("sh", ["sh", "-c", "while :; do :; done"])'
    echo $?
} 2>/dev/null
