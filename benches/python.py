"""Interpreter-bound work in the manner of pyperformance: python.py NAME [THREADS] prints a result, which is the same on every
machine, and the seconds that one round took after a first one, beside so many threads that wait for a pipe (0). Needs nothing
but the standard library."""
import decimal
import json
import math
import os
import random
import re
import sqlite3
import sys
import threading
import time


def bench_json():
    document = {"rows": [{"id": n, "name": f"name {n}", "tags": ["a", "b", str(n)], "value": n / 7, "ok": n % 2 == 0} for n in range(2000)]}
    total = 0
    for _ in range(5):
        text = json.dumps(document)
        total += len(text) + len(json.loads(text)["rows"])
    return total


def bench_regex():
    lines = [f"2026-11-{n % 30 + 1:02} host{n % 7} GET /path/{n}?q={n * 3} {200 + n % 5} {n * 17}" for n in range(5000)]
    pattern = re.compile(r"(\d+)-(\d+)-(\d+) (\w+) (GET|POST) (/\S*?)(?:\?(\S+))? (\d{3}) (\d+)$")
    return sum(int(match[9]) + len(match[6]) for match in map(pattern.match, lines) if match)


def bench_float():
    points = [(math.sin(n), math.cos(n) * 3, n / 3) for n in range(20000)]
    x = y = z = 0.0
    for a, b, c in points:
        norm = math.sqrt(a * a + b * b + c * c) or 1.0
        x, y, z = x + a / norm, y + b / norm, z + c / norm
    for _ in range(100000):
        x = x * 0.999 + y * 0.001
        y = y * 0.998 + z * 0.002
    return round(x + y + z, 3)


def bench_dict():
    counts = {}
    for n in range(200000):
        key = (n * 7919) % 5003
        counts[key] = counts.get(key, 0) + 1
    named = {f"key {n}": n for n in range(30000)}
    return sum(counts.values()) + sum(named[f"key {n}"] for n in range(0, 30000, 3))


def bench_str():
    words = [f"word{n % 97}" for n in range(30000)]
    text = " ".join(words)
    for _ in range(5):
        text = text.replace("word1", "term1").upper().lower()
        words = text.split()
    return len(text) + sum(word.startswith("term") for word in words) + len("".join(reversed(text)))


def bench_sort():
    rng = random.Random(5)
    numbers = [rng.random() for _ in range(80000)]
    rows = sorted([(n % 13, -n, str(n)) for n in range(30000)], key=lambda row: (row[0], row[2]))
    return round(sum(sorted(numbers)[::1000]), 6), rows[100][2]


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


class Counter:
    def __init__(self):
        self.value = 0

    def add(self, n):
        self.value += n
        return self


def bench_call():
    counter = Counter()
    for n in range(150000):
        counter.add(n)
    return fib(23), counter.value


def tree(depth):
    if depth:
        yield from tree(depth - 1)
        yield depth
        yield from tree(depth - 1)


def bench_generators():
    return sum(tree(14)) + sum(n * n for n in range(200000) if n % 3)


def bench_decimal():
    with decimal.localcontext(prec=60):
        total = decimal.Decimal(0)
        for n in range(1, 12000):
            total += decimal.Decimal(1) / decimal.Decimal(n) ** 2
    return str(total.sqrt())[:20]


def bench_sqlite():
    database = sqlite3.connect(":memory:")
    database.execute("create table t (id integer primary key, name text, value real)")
    database.executemany("insert into t values (?, ?, ?)", ((n, f"name {n % 100}", n / 3) for n in range(30000)))
    database.execute("create index i on t (name)")
    rows = database.execute("select name, count(*), sum(value) from t group by name order by name").fetchall()
    return len(rows), round(sum(row[2] for row in rows), 3)


def main(name, threads="0"):
    work = globals()[f"bench_{name}"]
    end, _kept_open = os.pipe()
    for _ in range(int(threads)):
        threading.Thread(target=os.read, args=(end, 1), daemon=True).start()
    work()
    begin = time.perf_counter()
    result = work()
    print(result)
    print(time.perf_counter() - begin)


if __name__ == "__main__":
    main(*sys.argv[1:])
