"""Terminals: bash, less, vim, nano, top and watch driven by keys, and the screen that a terminal emulator (pyte) shows.

A case gets a way to open terminals. The cases of TWINS run twice with the same keys, on the SDK's pty and on one of
this machine, and the screens they return must be the same; those of ALONE run in a sandbox only. Nothing here waits
for time to pass: after each key the screen is awaited that it must lead to.
"""

import ctypes
import fcntl
import os
import pathlib
import pty
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

import pyte
from e2b import PtySize
from e2b_code_interpreter import Sandbox

BOUND = 600
PR_SET_CHILD_SUBREAPER = 36
SHELL = "exec env -i PATH=/usr/bin:/bin HOME=\"$PWD\" LANG=C.UTF-8 TERM=xterm-256color PS1='\\#$ ' " \
    "bash --norc --noprofile -i"


class Screen(pyte.Screen):
    """pyte takes the questions that vim asks (CSI ? Ps m) for colours."""

    def select_graphic_rendition(self, *attributes, private=False, **_):
        if not private:
            super().select_graphic_rendition(*attributes)

    def report_device_status(self, *_, **__):
        pass

    def resize(self, lines, columns):
        """As terminals do: fewer lines are taken from below the cursor first, where pyte takes them from the top."""
        gone = max(0, self.cursor.y + 1 - lines)
        if lines < self.lines:
            kept = {y - gone: row for y, row in self.buffer.items() if 0 <= y - gone < lines}
            self.buffer.clear()
            self.buffer.update(kept)
            self.cursor.y -= gone
            self.lines = lines
        super().resize(lines, columns)


class Terminal:
    """A terminal with bash in it; `start` of the two kinds below connects it."""

    def __init__(self, rows=24, columns=80):
        self.screen = Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.changed = threading.Condition()
        self.ended = False
        self.prompts = 0

    def feed(self, data):
        with self.changed:
            if data:
                self.stream.feed(data)
            else:
                self.ended = True
            self.changed.notify_all()

    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    def text(self):
        return "\n".join(self.lines()).rstrip("\n")

    def until(self, wanted):
        """Until `wanted` is on the screen, or what it says of the terminal is true."""
        test = wanted if callable(wanted) else lambda terminal: wanted in terminal.text()
        with self.changed:
            if not self.changed.wait_for(lambda: test(self) or self.ended, BOUND) or not test(self):
                raise AssertionError(f"no {wanted!r} (ended: {self.ended}) on\n{self.text()}")
        return self

    def line(self):
        """The line of the cursor."""
        return self.lines()[self.screen.cursor.y]

    def at_line(self, wanted):
        return self.until(lambda terminal: terminal.line() == wanted)

    def prompt(self):
        """Until the next prompt: the shell counts its commands in it."""
        self.prompts += 1
        return self.at_line(f"{self.prompts}$")

    def run(self, command):
        self.send(command + "\r")
        return self.prompt()

    def start(self, command):
        """Runs what reads the terminal: keys may follow when bash has given it back as it should be."""
        self.send(f"echo go; {command}\r")
        return self.until(lambda terminal: "\n".join(terminal.lines()[: terminal.screen.cursor.y]).endswith("\ngo"))

    def asleep(self):
        """Until what runs in front sleeps: less loses a ^Z that comes between its prompt and its read."""
        bound = time.monotonic() + BOUND
        while (state := self.out(f"ps -o stat= --ppid {self.pid}").strip()) != "S+":
            assert time.monotonic() < bound, f"it does not sleep ({state!r}) on\n{self.text()}"
        return self

    def send(self, keys):
        self.write(keys.encode() if isinstance(keys, str) else keys)
        return self

    def resize(self, rows, columns):
        with self.changed:
            self.screen.resize(rows, columns)
        self.set_size(rows, columns)
        return self

    def fresh(self):
        """A bash without start files, its own HOME, an empty screen."""
        self.send("cd \"$(mktemp -d)\" && " + SHELL + "\r")
        self.prompt()
        return self.run("clear")


class InSandbox(Terminal):
    def __init__(self, sandbox, rows=24, columns=80):
        super().__init__(rows, columns)
        self.sandbox = sandbox
        self.handle = sandbox.pty.create(PtySize(rows=rows, cols=columns), timeout=0)
        self.pid = self.handle.pid
        threading.Thread(target=self.read, args=(self.handle,), daemon=True).start()

    def read(self, handle):
        try:
            for _, _, data in handle:
                if data:
                    self.feed(data)
        finally:
            self.feed(None)

    def write(self, data):
        self.sandbox.pty.send_stdin(self.pid, data)

    def out(self, command):
        return self.sandbox.commands.run(command, timeout=BOUND).stdout

    def set_size(self, rows, columns):
        self.sandbox.pty.resize(self.pid, PtySize(rows=rows, cols=columns))


class Here(Terminal):
    def __init__(self, rows=24, columns=80):
        super().__init__(rows, columns)
        self.home = tempfile.mkdtemp()
        os.chmod(self.home, 0o755)
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            try:
                # Whoever started the tests may ignore signals, and Python ignores some itself.
                for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
                    signal.signal(number, signal.SIG_DFL)
                os.chdir(self.home)
                os.environ["TMPDIR"] = self.home
                os.execv("/bin/bash", ["bash", "--norc", "--noprofile", "-i"])
            finally:
                os._exit(127)
        self.set_size(rows, columns)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            while data := os.read(self.master, 65536):
                self.feed(data)
        except OSError:
            pass  # EIO: the last one has closed it
        self.feed(None)

    def out(self, command):
        return subprocess.check_output(command, shell=True, text=True)

    def write(self, data):
        while data:
            data = data[os.write(self.master, data):]

    def set_size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        shutil.rmtree(self.home, ignore_errors=True)


def adopt_orphans():
    """What is started on this machine stays below this process, whoever of its ancestors has ended."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def children():
    """The processes below this one."""
    for task in pathlib.Path("/proc/self/task").iterdir():
        try:
            yield from map(int, (task / "children").read_text().split())
        except OSError:
            pass  # a thread that has just ended


def end_children():
    """Ends what is left on this machine, such as what a shell has disowned: the names of all of it."""
    names = set()
    while True:
        for pid in children():
            names.add(pathlib.Path(f"/proc/{pid}/comm").read_text().strip())
            os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return names


# On both sides.


def editing(open_terminal):
    """Readline: moving, killing, yanking, undoing, history, searching it, kill of a line."""
    terminal = open_terminal().fresh()
    terminal.send("cho one twx\x1b[D\x1b[C\x7fo\x01e\x05 three").at_line("2$ echo one two three").send("\r")
    terminal.prompt()
    terminal.send("echo a b c\x17\x17B\x19").at_line("3$ echo a Bb c").send("\r")
    terminal.prompt()
    terminal.send("\x1b[A\x1b[A").at_line("4$ echo one two three").send("\x1bb\x0b4").at_line("4$ echo one two 4")
    terminal.send("\r").prompt()
    terminal.send("\x12Bb").until("Bb': echo a Bb c").send("\r").prompt()
    terminal.send("rubbish\x15echo \x1bd\x1f\x1fkept").until("kept").send("\x15").at_line("6$")
    terminal.send("echo \x16\x01 x\x02\x02\x14").until("^A").send("\r").prompt()
    terminal.send("echo not this").until("not this").send("\x03").until("this^C").at_line("7$").send("echo " + "long " * 20 + "\x01\x1bf!")
    terminal.until("echo! long").send("\x05\x17\x17done").until("done").send("\x03").until("done^C")
    terminal.at_line("7$")
    return [terminal.run("history | tail -n 4 | cut -c8-").text()]


def completion(open_terminal):
    """Files, commands, variables, users' directories, ambiguity, programmable completion."""
    terminal = open_terminal().fresh()
    terminal.run("mkdir alphabet 'with space'; : >alphabet/unique_name >alphabet/also_one >alphabet/also_two")
    terminal.run("complete -W 'start stop status' service; pick() { COMPREPLY=($(compgen -W 'red green' -- \"$2\")); }")
    terminal.run("complete -F pick colour; service() { echo \"s $1\"; }; colour() { echo \"c $1\"; }; LONGVARIABLE=v")
    terminal.send("ls al\t").at_line("5$ ls alphabet/").send("u\t").at_line("5$ ls alphabet/unique_name").send("\r")
    terminal.prompt().send("ls alphabet/a\t").at_line("6$ ls alphabet/also_").send("\t\t").until("also_one  also_two")
    terminal.send("t\t\r").prompt().send("ls -d wi\t").at_line("7$ ls -d with\\ space/").send("\r").prompt()
    terminal.send("echo $LONGV\t").at_line("8$ echo $LONGVARIABLE").send("\r").prompt()
    terminal.send("unam\t-s").until("uname -s").send("\r").prompt()
    terminal.send("service sto\t").until("service stop").send("\r").prompt()
    terminal.send("colour g\t").until("colour green").send("\r").prompt()
    terminal.send("service st\t\t").until("start   status  stop").send("o\t\r").prompt()
    return [terminal.text()]


def keys_of_signals(open_terminal):
    """^C, ^\\, ^D and ^Z; stopped and continued jobs."""
    terminal = open_terminal().fresh()
    terminal.start("cat").send("line\r").until("line\nline").send("\x03").until("^C")
    terminal.prompt().run("echo $?")
    terminal.start("cat").send("quit\r").until("quit\nquit").send("\x1c").until("Quit")
    terminal.prompt().run("echo $?")
    terminal.start("cat >f").send("kept\r\x04").prompt().run("cat f")
    terminal.start("read -r x; echo \"[$x]\"").send("no\x15yes\x17y\x7f\x7fok\r").prompt()
    terminal.start("cat").send("stop\r").until("stop\nstop").send("\x1a").until("Stopped")
    terminal.prompt().run("jobs").send("fg\r").until("fg\ncat").at_line("").send("back\r").until("back\nback")
    terminal.send("\x04").prompt()
    terminal.send("echo looping; while :; do :; done\r").until("\nlooping").send("\x03").until("^C").until(
        lambda t: t.line() == f"{t.prompts + 1}$"
    )
    terminal.prompt().run("echo $?")
    terminal.run("trap 'echo interrupted' INT")
    terminal.send("sh -c 'echo asleep; exec sleep 1000'\r").until("\nasleep").send("\x03").until("interrupted").prompt()
    terminal.send("sh -c 'trap \"\" INT; echo deaf; read x; echo heard $x'\r").until("\ndeaf")
    return [terminal.send("\x03").until("^C").send("it\r").until("heard").prompt().text()]


def jobs(open_terminal):
    """Jobs in the background: list, %n, bg, disown, wait, writing with tostop."""
    terminal = open_terminal().fresh()
    terminal.run("sleep 1000 >/dev/null | cat & p=$!; sleep 2000 & disown %2")
    # By its process: whether a job that was killed is still known as %1 is nobody's promise.
    terminal.run("jobs").run("kill %1; wait $p; echo $?")
    terminal.send("\r").until(lambda t: t.line() == f"{t.prompts}$")
    terminal.send("sh -c 'echo asleep; exec sleep 1000'\r").until("\nasleep").send("\x1a").until("Stopped").prompt()
    terminal.run("bg").run("jobs").run("kill %1; wait $!; echo $?").run("clear; jobs")
    # bash tells of a stopped job before its next prompt: by then it must have stopped.
    stopped = "until grep -q '^State:.T' /proc/$!/status; do :; done"
    terminal.run(f"cat & {stopped}").until("Stopped")
    # To wait for a stopped job is to wait for nothing: its end is told before the screen is cleared.
    terminal.run("kill -9 %1; while cat /proc/$!/status >/dev/null 2>&1; do :; done").run("clear; stty tostop")
    terminal.run(f"(echo x) & {stopped}").until("Stopped")
    terminal.run("fg; stty -tostop").run("(sleep 1000; echo never) & kill %+; wait $!; echo $?")
    hidden = [line if not line.startswith("[") or "]" not in line else line.split("]")[0] + "]" + (
        "" if line.split("]")[1].strip().isdigit() else line.split("]")[1]) for line in terminal.lines()]
    # Whether a job has stopped before the next prompt or the one after it is nobody's promise.
    told = [line for line in hidden if line.strip() and not line.rstrip("$").isdigit()]
    return ["\n".join(told)]


def resizing(open_terminal):
    """stty size, LINES and COLUMNS, SIGWINCH, a long line shown anew."""
    terminal = open_terminal().fresh()
    terminal.run("stty size; echo $LINES $COLUMNS; tput cols; tput lines").resize(30, 100)
    terminal.run("stty size; :; echo $LINES $COLUMNS").run("tput cols; stty cols 90 rows 31; stty size; stty cols 100 rows 30")
    terminal.run("trap 'echo winch' WINCH").resize(10, 50)
    return [terminal.send("\r").until("winch").run("stty size").run("stty -a | grep -o 'rows [0-9]*; columns [0-9]*'").text()]


def line_discipline(open_terminal):
    """/dev/tty, echo off, one character, a time limit, bracketed paste, lines longer than the screen."""
    terminal = open_terminal().fresh()
    terminal.start("echo from | { read -r a; read -r b </dev/tty; echo \"$a-$b\" >/dev/tty; } >/dev/null")
    terminal.send("terminal\r").until("from-terminal").prompt()
    terminal.start("read -rs p; echo \"<$p>\"").send("secret\r").until("<secret>").prompt()
    terminal.start("read -rn1 c; echo \"<$c>\"").send("q").until("<q>").prompt()
    terminal.send("stty raw -echo; echo now; head -c 3 | od -An -c; stty sane; printf '\\r\\n'\r").until("\nnow").send("a\r\x03").until("003").prompt()
    terminal.run("tty | sed 's/[0-9]*$/N/'; test -t 0 && echo yes; [ -t 1 ] && ps -o tty= -p $$ | sed 's/[0-9]*$/N/'")
    terminal.send("\x1b[200~echo pasted\recho twice\x1b[201~").until("twice").send("\r").until("\ntwice")
    terminal.prompts += 1
    terminal.prompt()
    return [terminal.run("stty -echo; echo unseen; stty echo").run("setsid -w sh -c 'cat </dev/tty'; echo $?").text()]


def pasting(open_terminal):
    """100 KB typed into a program at once, 20 KB into one line of the shell."""
    terminal = open_terminal().fresh()
    text = "".join(f"{number} {'x' * (number % 70)}\r" for number in range(2500))
    terminal.send("stty -echo; echo go; cat >f; stty echo\r").until("\ngo").send(text + "\x04").prompt()
    shots = [terminal.run("clear; wc -lc <f; md5sum f").text()]
    terminal.send("clear; : " + "w" * 20000 + "\r").prompt()
    return shots + [terminal.run("clear; history 2 | wc -c").text()]


def paging(open_terminal):
    """less: screens, searching, lines wrapped and chopped, a resize, several files, the end."""
    terminal = open_terminal(12, 40).fresh()
    terminal.run("seq 1 200 >n; printf '%060d\\n' $(seq 1 30) >w; unset LESS LESSOPEN")
    terminal.send("less n\r").until("11").until(lambda t: t.lines()[-1] == "n")
    shots = [terminal.text()]
    terminal.send(" ").until("22")
    terminal.send("b/^15\r").until(lambda t: t.lines()[0] == "15")
    shots.append(terminal.text())
    terminal.send("n").until(lambda t: t.lines()[0] == "150").send("N").until(lambda t: t.lines()[0] == "15")
    terminal.send("G").until("(END)")
    shots.append(terminal.text())
    terminal.send("50g").until(lambda t: t.lines()[0] == "50").send("?^4\r").until(lambda t: t.lines()[0] == "49")
    terminal.send("g").until(lambda t: t.lines()[0] == "1" and t.lines()[6] == "7")
    shots.append(terminal.text())
    terminal.send(":e w\r").until(lambda t: "w" in t.lines()[11]).send("-S").until("Chop")
    terminal.send("\r").until(lambda t: t.lines()[1].startswith("0000")).send("q").prompt()
    terminal.send("seq 5 | less -E -X\r").prompt()
    return shots


def vim(open_terminal):
    """vim without start files: typing, moving, undo, searching, windows, the shell, a resize, writing."""
    terminal = open_terminal(16, 60).fresh()
    terminal.send("vim -u NONE -i NONE -N -n f\r").until("~").until("f")
    terminal.send("ione\rtwo\rthree\x1b").until("three").send("ggyyP3x:s/$/!/\r").until("!")
    terminal.send("/th\rcwTHREE\x1b").until("THREE").send("uu\x12").until("one")
    terminal.send(":set number ruler\r").until("  1 ")
    terminal.send(":split\r").until(lambda t: t.text().count("f [+]") == 2)
    terminal.resize(20, 70).until(lambda t: t.lines()[18].startswith("f [+]")).send("\x17w:set hlsearch\r")
    terminal.until("hlsearch")
    terminal.send(":only\r:%!sort\r").until("4 lines filtered").send("\x0c")
    terminal.send(":w\r").until("written")
    terminal.send(":!cat f | wc -l\r").until("Press ENTER").send("\r").until("~")
    terminal.send(":q\r").prompt()
    return [terminal.run("clear; cat f").text()]


def stopped_editor(open_terminal):
    """^Z out of vim and less, and back: the terminal's settings are the right one's each time."""
    terminal = open_terminal().fresh()
    terminal.run("seq 100 >n; unset LESS LESSOPEN")
    terminal.send("less n\r").until(lambda t: t.lines()[-1] == "n").asleep().send("\x1a").until("Stopped").prompt()
    terminal.send("clear; stty -a | grep -o '[-]*icanon'\r").prompt().run("jobs")
    shots = [terminal.text()]
    terminal.send("fg\r").until(lambda t: t.lines()[-1] == ":" or t.lines()[-1] == "n").send("G").until("100").send("q")
    terminal.prompt().run("clear").send("vim -u NONE -i NONE -N -n n\r").until("23").send("\x1a")
    terminal.until("Stopped").prompt()
    terminal.send("clear; fg\r").until(lambda t: t.lines()[0] == "1" and t.lines()[22] == "23").send("Gdd")
    terminal.until(lambda t: t.lines()[22] == "~").send(":wq\r").prompt()
    return shots + [terminal.run("clear; tail -n 2 n").text()]


# In a sandbox only.


def colours(open_terminal):
    """Start files and colours: the prompt, ls, vim's syntax, nano."""
    terminal = open_terminal()
    terminal.until("user@isolet:~$").send("mkdir d; : >x; chmod +x x; printf 'int x; /* c */\\n' >a.c; ls\r").until("a.c  d  x")
    row = next(i for i, line in enumerate(terminal.lines()) if line == "a.c  d  x")
    assert terminal.screen.buffer[row][5].fg in ("blue", "brightblue"), terminal.screen.buffer[row][5]
    terminal.send("vim -c 'syntax on' a.c\r").until("int x;").until("All")
    terminal.until(lambda t: t.screen.buffer[0][0].fg not in ("default",))
    assert terminal.screen.buffer[0][0].fg != terminal.screen.buffer[0][8].fg, "int and a comment"
    terminal.send(":q\r").until("user@isolet:~$")
    terminal.send("clear; nano a.c\r").until("GNU nano").until("int x;")
    assert terminal.screen.buffer[1][0].fg != "default" or terminal.screen.buffer[2][0].fg != "default"
    terminal.send("new \x0f").until("Write to File").send("\r").until("Wrote 1 line").resize(12, 50)
    terminal.until(lambda t: "Exit" in t.lines()[11]).send("\x18").until("user@isolet:~$")
    return [terminal.send("clear; cat a.c\r").until("new int x;").text()]


def repainting(open_terminal):
    """top and watch fill the screen that they have and leave at q and ^C."""
    terminal = open_terminal().fresh()
    terminal.send("top\r").until("PID USER").until("top").resize(12, 100).until("COMMAND")
    terminal.until(lambda t: t.lines()[0].startswith("top - ") and "bash" in t.text()).send("q").prompt()
    terminal.send("clear; watch -n 0.2 'echo $COLUMNS; cat f'\r").until("Every 0.2s").until("No such file")
    terminal.resize(14, 60).until(lambda t: t.lines()[2] == "60" or t.lines()[2] == "100")
    terminal.send("\x03").prompt()
    return []


def reconnecting(open_terminal):
    """A second connection sees what comes from then on; the shell is the same one."""
    terminal = open_terminal().fresh()
    terminal.run("mark=kept")
    second = Terminal()
    handle = terminal.sandbox.pty.connect(terminal.pid, timeout=0)
    threading.Thread(target=InSandbox.read, args=(second, handle), daemon=True).start()
    terminal.send("echo $((40 + 2)) $mark\r")
    second.until("42 kept")
    terminal.until("42 kept").prompt()
    terminal.send("echo $((41 + 2)) again\r")
    second.until("43 again")
    terminal.send("exit 3\r")
    second.until(lambda t: t.ended)
    return []


def one_after_another(open_terminal):
    """More terminals than a sandbox has at a time: the number of one that has ended is free again."""
    sandbox = open_terminal().sandbox
    for _ in range(70):
        terminal = sandbox.pty.create(PtySize(rows=24, cols=80), timeout=0)
        sandbox.pty.send_stdin(terminal.pid, b"exec true\r")
        terminal.wait()
    return []


def hang_up(open_terminal):
    """Killing the terminal is SIGHUP for what runs in front on it, not for what setsid and nohup started."""
    terminal = open_terminal().fresh()
    commands = terminal.sandbox.commands
    terminal.run("nohup sleep 1111 >/dev/null 2>&1 & setsid -f sleep 2222 </dev/null >/dev/null 2>&1")
    terminal.send("sh -c 'trap \"echo hung up >/tmp/told; exit\" HUP; echo ready; while :; do sleep 0.05; done'\r")
    terminal.until("\nready")
    assert terminal.sandbox.pty.kill(terminal.pid) is True
    told = commands.run("until grep -s hung /tmp/told; do sleep 0.05; done; pgrep -fx 'sleep (1111|2222)' | wc -l", timeout=BOUND)
    assert told.stdout.split() == ["hung", "up", "2"], told
    terminal.until(lambda t: t.ended)
    return []


TWINS = [editing, completion, keys_of_signals, jobs, resizing, line_discipline, pasting, paging, vim, stopped_editor]
ALONE = [colours, repainting, reconnecting, one_after_another, hang_up]


def main(name):
    case = {case.__name__: case for case in TWINS + ALONE}[name]
    sandbox = Sandbox.create(timeout=7200)
    here = []
    adopt_orphans()

    def open_here(*size):
        here.append(Here(*size))
        return here[-1]

    try:
        there = case(lambda *size: InSandbox(sandbox, *size))
        if case in TWINS:
            expected = case(open_here)
            for number, (a, b) in enumerate(zip(expected, there, strict=True)):
                # bash 5.3 has wider columns than 5.2.
                same = [line.split() for line in a.split("\n")] == [line.split() for line in b.split("\n")]
                assert same, f"screen {number}: this machine\n{a}\n{'-' * 40} sandbox\n{b}"
    finally:
        sandbox.kill()
        for terminal in here:
            terminal.close()
        left = end_children()
    assert name != "jobs" or "sleep" in left, f"its disowned process was not found: {left}"
    print("ok", name)


main(sys.argv[1])
