"""One test in a sandbox of its own, bounded in time."""

import os
import pty
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

PASSED, FAILED, HUNG, SKIPPED, NOT_RUN = "passed", "failed", "hung", "skipped", "not run"
SKIP = 77  # automake's exit code for a test that cannot be run here


@dataclass
class Result:
    test: str
    outcome: str
    why: str | None
    log: Path
    seconds: float = 0.0
    counts: str | None = None  # what the test says of how many cases it ran


class Runner:
    """Runs tests of `suite` in `image` and keeps what each prints in `logs`."""

    def __init__(self, suite, image, isolet, logs, base, bound_s):
        self.suite, self.isolet, self.logs, self.bound_s = suite, isolet, logs, bound_s
        self.images = [image] if base is None else [base, image]
        logs.mkdir(parents=True, exist_ok=True)

    def command(self, user, *words):
        images = [word for image in self.images for word in ("--image-dir", image)]
        start = [self.isolet, "run", "--no-internet", *images]
        return [*start, "--image", f"{self.suite.name}-suite", "--user", user, "--", *words]

    def warm(self):
        """Compiles the programs once, so that no test's bound counts it."""
        done = subprocess.run(self.command("user", "/bin/true"), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"run: no sandbox for {self.suite.name}:\n{done.stderr}")

    def run(self, test):
        log = self.logs / test.replace("/", "-")
        if why := self.suite.why(self.suite.not_run, test):
            log.write_text("")
            return Result(test, NOT_RUN, why, log)
        started = time.monotonic()
        command = self.command(self.suite.user_of(test), "/bin/bash", "/suite/start", test)
        with log.open("wb") as output:
            if self.suite.needs_terminal(test):
                code = on_terminal(command, output, self.bound_s)
            else:
                code = with_streams(command, output, self.bound_s)
        outcome = {None: HUNG, 0: PASSED, SKIP: SKIPPED}.get(code, FAILED)
        why = skip_reason(log) if outcome == SKIPPED else None
        return Result(test, outcome, why, log, time.monotonic() - started, self.suite.counts_in(log))


def with_streams(command, output, bound_s):
    """Runs `command` with nothing to read; its exit code, or nothing if it took too long and was killed."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": subprocess.STDOUT}
    child = subprocess.Popen(command, process_group=0, **streams)
    return ended(child, bound_s)


def on_terminal(command, output, bound_s):
    """As `with_streams`, on a terminal of its own, on which nobody types."""
    master, replica = pty.openpty()
    streams = {"stdin": replica, "stdout": replica, "stderr": replica}
    child = subprocess.Popen(command, start_new_session=True, **streams)
    os.close(replica)
    reader = threading.Thread(target=drain, args=(master, output))
    reader.start()
    code = ended(child, bound_s)
    reader.join()
    os.close(master)
    return code


def drain(master, output):
    """Copies what is written to a terminal until nobody has it open any more."""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # EIO: how a terminal says so
            return
        output.write(data)


def ended(child, bound_s):
    try:
        return child.wait(bound_s)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        return None


def skip_reason(log):
    """What a skipped test says of itself."""
    for line in reversed(log.read_text(errors="replace").splitlines()):
        if "skipped test: " in line:
            return line.partition("skipped test: ")[2]
    return "says nothing"
