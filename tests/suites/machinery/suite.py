"""A suite's folder: which tests there are, which are run, which fail and why."""

import fnmatch
import os
import re
import tomllib


class Suite:
    """`suite.toml`, read. Its keys:

    source     the program of guest-images/ whose source brings the suite
    image      the image that has the program (base)
    keep       what of the source goes into the sandbox
    links      symbolic links outside of /suite: path and target
    tests      patterns of the tests' paths below the source
    not_tests  patterns of files that `tests` matches and that are no tests
    quick      patterns of those that `cargo test` runs
    root_word  a word that is in the tests that want to be run by root; others are run by the ordinary user
    terminal   patterns of the tests that need a controlling terminal
    bound_s    seconds after which a test is a hang
    counts     a regular expression; its groups in what a test prints say how many cases it ran, for the table
    not_run    tables of `why` and `tests`: not even started
    races      tables of `why` and `tests`: a race in the test itself; counted as failed when it does, and no surprise
    fails      tables of `why` and `tests`: started, and must fail (one that passes is an error, so that the list stays true)
    """

    def __init__(self, folder):
        facts = tomllib.loads((folder / "suite.toml").read_text())
        known = {"source", "image", "keep", "links", "tests", "not_tests", "quick", "root_word", "terminal", "bound_s", "counts", "not_run", "races", "fails"}
        if unknown := facts.keys() - known:
            raise SystemExit(f"{folder.name}/suite.toml: unknown keys {sorted(unknown)}")
        self.folder, self.name = folder, folder.name
        self.source, self.keep, self.tests = facts["source"], facts["keep"], facts["tests"]
        self.image, self.not_tests = facts.get("image", "base"), facts.get("not_tests", [])
        self.links = facts.get("links", {})
        self.quick, self.bound_s = facts["quick"], facts.get("bound_s", 300)
        self.root_word, self.terminal = facts.get("root_word"), facts.get("terminal", [])
        self.not_run, self.fails = facts.get("not_run", []), facts.get("fails", [])
        self.races = facts.get("races", [])
        self.counts = re.compile(facts["counts"]) if "counts" in facts else None
        self.all, self.as_root = [], set()  # known once the source is there

    def why(self, tables, test):
        """The reason that one of `tables` gives for `test`, or nothing."""
        for table in tables:
            if matches(test, table["tests"]):
                return table["why"]
        return None

    def select(self, names, quick):
        """The tests to look at. An unknown name is an error."""
        for pattern in [*names, *self.quick, *(p for t in self.not_run + self.races + self.fails for p in t["tests"])]:
            if not fnmatch.filter(self.all, pattern):
                raise SystemExit(f"run: {self.name} has no test {pattern}")
        if names:
            return [test for test in self.all if matches(test, names)]
        if quick:
            return [test for test in self.all if matches(test, self.quick)]
        return self.all

    def add(self, path, text):
        """The source has a file `path`; if it is a test, it is one of this suite's."""
        if self.is_test(path):
            self.all.append(path)
            if self.root_word and self.root_word.encode() in text:
                self.as_root.add(path)

    def is_test(self, path):
        return matches(path, self.tests) and not matches(path, self.not_tests)

    def counts_in(self, log):
        """How many cases a test says it ran; nothing if the suite's tests do not say."""
        found = self.counts and list(self.counts.finditer(log.read_text(errors="replace")))
        return "".join(found[-1].groups()) if found else None

    def short(self, test):
        """A test's name without what all have in common."""
        return test.removeprefix(os.path.commonpath(self.all) + "/").removesuffix("/__init__.py").removesuffix(".py")

    def needs_terminal(self, test):
        return matches(test, self.terminal)

    def user_of(self, test):
        return "root" if test in self.as_root else "user"


def matches(path, patterns):
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)
