"""How each test of a suite ended: kept in a file that is written after every test, and made a table of."""

import threading

from .runner import FAILED, HUNG, NOT_RUN, PASSED, SKIPPED


class Results:
    """The file `path`: outcome, test, seconds, counts, why, a line each. A run of the whole suite begins it anew, a run of some
    tests replaces theirs; what is in it was found by a run in any case."""

    def __init__(self, path, order, anew):
        self.path, self.order, self.lock = path, order, threading.Lock()
        self.rows = {} if anew or not path.exists() else dict(map(row, path.read_text().splitlines()))

    def put(self, result):
        """Keeps how one test ended; returns it."""
        cells = [result.outcome, result.test, f"{result.seconds:.1f}", result.counts or "", result.why or ""]
        with self.lock:
            self.rows[result.test] = cells
            part = self.path.with_suffix(".part")
            known = [test for test in self.order if test in self.rows]
            part.write_text("".join("\t".join(self.rows[test]) + "\n" for test in known))
            part.rename(self.path)
        return result

    def table(self, suite):
        """A Markdown table of all tests; those without a result are said to be without one."""
        numbers = dict.fromkeys([PASSED, FAILED, HUNG, SKIPPED, NOT_RUN, "no result"], 0)
        lines = []
        for test in self.order:
            outcome, _, _, counts, why = self.rows.get(test, ["no result", test, "", "", ""])
            if outcome in (FAILED, HUNG):
                why = suite.why(suite.fails, test) or suite.why(suite.races, test) or "not known"
            numbers[outcome] += 1
            lines.append(f"| {suite.short(test)} | {outcome} | {counts} | {why} |")
        whole = ", ".join(f"{count} {outcome}" for outcome, count in numbers.items() if count)
        head = f"{len(self.order)} tests: {whole}.\n\n| test | result | counts | why |\n| --- | --- | --- | --- |\n"
        return head + "\n".join(lines) + "\n"


def row(line):
    cells = line.split("\t")
    return cells[1], cells
