"""The interactive interpreter on a terminal: lines are edited and remembered, by readline and by CPython's own editor; Ctrl-C and Ctrl-D."""
import os
import select
import subprocess
import sys
import tempfile

# In the mode that both put the terminal into.
UP = b"\x1bOA"


class Repl:
    def __init__(self, **environment):
        self.terminal, far = os.openpty()
        home = tempfile.mkdtemp()
        environment = {**os.environ, "TERM": "xterm", "HOME": home, "PYTHON_COLORS": "0", **environment}
        command = ["setsid", "--ctty", sys.executable, "-q"]
        self.process = subprocess.Popen(command, stdin=far, stdout=far, stderr=far, env=environment)
        os.close(far)
        self.seen = b""

    def expect(self, text):
        """Waits until `text` has come since the last time."""
        while text not in self.seen:
            if not select.select([self.terminal], [], [], 900)[0]:
                raise SystemExit(f"no {text!r} in {self.seen!r}")
            self.seen += os.read(self.terminal, 1000)
        self.seen = self.seen.partition(text)[2]

    def type(self, keys):
        os.write(self.terminal, keys)


for kind, environment in [("readline", {"PYTHON_BASIC_REPL": "1"}), ("own", {})]:
    repl = Repl(**environment)
    repl.expect(b">>> ")
    repl.type(b"x = 40\r")
    repl.expect(b">>> ")
    repl.type(b"print('is', x + 2)\r")
    repl.expect(b"is 42")
    repl.expect(b">>> ")
    repl.type(UP + b"\r")
    repl.expect(b"is 42")
    repl.expect(b">>> ")
    repl.type(b"import sys; print('argv', sys.argv)\r")
    repl.expect(b"argv ['']")
    repl.expect(b">>> ")
    repl.type(b"\x03")
    repl.expect(b"KeyboardInterrupt")
    repl.expect(b">>> ")
    repl.type(b"print('goes', 'on')\r")
    repl.expect(b"goes on")
    repl.expect(b">>> ")
    repl.type(b"\x04")
    print(kind, repl.process.wait(120))
