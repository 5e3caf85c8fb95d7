"""Threads under every switch interval, what faulthandler says of them, and what cannot be there."""
import ctypes
import faulthandler
import functools
import multiprocessing
import os
import pathlib
import sys
import tempfile
import threading
import time


def turns(interval):
    """Threads that compute all get on, however often they are to change places."""
    sys.setswitchinterval(interval)
    assert abs(sys.getswitchinterval() - interval) <= interval / 2, sys.getswitchinterval()
    cached = functools.lru_cache(maxsize=55)(lambda x, y: 3 * x + y)
    start = threading.Event()
    counts = [0] * 6

    def count(n):
        start.wait()
        for i in range(20_000):
            counts[n] += 1
            if i % 100 == 0:
                assert cached(n, i) == 3 * n + i
                if n == 0:
                    cached.cache_clear()

    threads = [threading.Thread(target=count, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    start.set()
    for thread in threads:
        thread.join()
    assert counts == [20_000] * 6, counts


for interval in (1e-6, 1e-4, 5e-3, 0.5):
    turns(interval)
sys.setswitchinterval(5e-3)
print("turns")


def waits_for_a_lock(ready, lock):
    ready.release()
    with lock:
        pass


def sleeps(ready, end):
    ready.release()
    while not end.is_set():
        time.sleep(0.01)


def computes(ready, end):
    ready.release()
    while not end.is_set():
        sum(range(1000))


def dumped(dump):
    with tempfile.NamedTemporaryFile("w") as file:
        dump(file)
        return pathlib.Path(file.name).read_text()


ready, lock, end = threading.Semaphore(0), threading.Lock(), threading.Event()
lock.acquire()
kinds = [(waits_for_a_lock, lock), (sleeps, end), (computes, end)]
threads = [threading.Thread(target=kind, args=(ready, what)) for kind, what in kinds]
for thread in threads:
    thread.start()
for thread in threads:
    ready.acquire()
text = dumped(lambda file: faulthandler.dump_traceback(file, all_threads=True))
for kind, _ in kinds:
    assert f"in {kind.__name__}" in text, text
assert text.count("Thread 0x") + text.count("Current thread 0x") == 4, text
own = dumped(lambda file: faulthandler.dump_traceback(file, all_threads=False))
assert "in computes" not in own and "in dumped" in own, own


def later(file):
    faulthandler.dump_traceback_later(0.01, file=file)
    text = ""
    while "in computes" not in text or "in later" not in text:
        text = pathlib.Path(file.name).read_text()
    faulthandler.cancel_dump_traceback_later()


dumped(later)
end.set()
lock.release()
for thread in threads:
    thread.join()
print("tracebacks")

for name in ("tkinter", "turtle"):
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        print(f"{error.name}: {error}")
for missing in (lambda: os.fork(), lambda: multiprocessing.get_context("fork"),
                lambda: ctypes.CDLL("libc.so.6"), lambda: ctypes.pythonapi.Py_IncRef):
    try:
        missing()
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
