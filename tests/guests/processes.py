"""Processes that multiprocessing starts exclude and wake each other: each way of it, by name, when it held."""
import concurrent.futures
import ctypes
import multiprocessing
import multiprocessing.sharedctypes
import pathlib
import sys

PROCESSES, ROUNDS = 3, 40
COUNTER = pathlib.Path("/tmp/counter")
TURN = pathlib.Path("/tmp/turn")


def add(lock):
    for _ in range(ROUNDS):
        with lock:
            # Read, then write: two at once would lose an update.
            COUNTER.write_text(str(int(COUNTER.read_text()) + 1))


def serve(asked, answered):
    for n in iter(asked.get, None):
        answered.put(n * n)


def wait_for_turn(condition, own):
    with condition:
        condition.wait_for(lambda: TURN.read_text() == str(own))
        TURN.write_text(str(own + 1))
        condition.notify_all()


class Pair(ctypes.Structure):
    _fields_ = [("left", ctypes.c_int), ("right", ctypes.c_double)]


def add_shared(number, numbers, pair):
    for _ in range(ROUNDS):
        with number:
            number.value += 1
        with numbers.get_lock():
            numbers[1] += 0.5
        with pair:
            pair.left += 1
            pair.right -= 1


def square(n):
    return n * n


def started(target, *arguments):
    process = multiprocessing.Process(target=target, args=arguments)
    process.start()
    return process


def ended(processes):
    for process in processes:
        process.join()
        assert process.exitcode == 0, process.exitcode


def main():
    held = []
    asked, answered = multiprocessing.Queue(), multiprocessing.Queue()
    server = started(serve, asked, answered)
    for n in range(20):
        asked.put(n)
    assert sorted(answered.get() for _ in range(20)) == [n * n for n in range(20)]
    asked.put(None)
    ended([server])
    held.append("queue")

    COUNTER.write_text("0")
    lock = multiprocessing.Lock()
    ended([started(add, lock) for _ in range(PROCESSES)])
    assert COUNTER.read_text() == str(PROCESSES * ROUNDS), COUNTER.read_text()
    held.append("lock")

    number, numbers = multiprocessing.Value("i", 5), multiprocessing.Array("d", 3)
    pair = multiprocessing.sharedctypes.synchronized(multiprocessing.sharedctypes.RawValue(Pair, 0, 0))
    ended([started(add_shared, number, numbers, pair) for _ in range(PROCESSES)])
    times = PROCESSES * ROUNDS
    assert (number.value, list(numbers), pair.left, pair.right) == (5 + times, [0, times / 2, 0], times, -times)
    held.append("values")

    TURN.write_text("0")
    condition = multiprocessing.Condition()
    ended([started(wait_for_turn, condition, own) for own in reversed(range(PROCESSES))])
    assert TURN.read_text() == str(PROCESSES)
    held.append("condition")

    with multiprocessing.Pool(2) as pool:
        assert pool.map(square, range(50)) == [n * n for n in range(50)]
    held.append("pool")

    with concurrent.futures.ProcessPoolExecutor(2) as executor:
        assert sum(executor.map(square, range(20))) == sum(n * n for n in range(20))
    held.append("executor")
    print(*held)


if __name__ == "__main__":
    sys.exit(main())
