"""Runs a program of this folder as python3 would, but ends without taking the interpreter down: launch.py PROGRAM ARGUMENTS.

The SDK's HTTP client (pyqwest 0.12) has threads of its own, in Rust, that call Python when they are done with a request. Where one does
so while Python 3.11 takes itself down, Python ends the thread, which Rust answers by SIGABRT: some 5 of 100 programs on a busy machine,
after all that they had to say. A daemon thread that prints at that moment would be another such end.
"""

import atexit
import os
import sys
import threading
import traceback
import types

sys.argv = sys.argv[1:]
program = sys.argv[0]
sys.path[0] = os.path.dirname(program)


def run():
    """The program's exit code."""
    main = types.ModuleType("__main__")
    main.__file__ = program
    sys.modules["__main__"] = main
    try:
        with open(program, "rb") as file:
            exec(compile(file.read(), program, "exec"), main.__dict__)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return int(end.code or 0)
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


code = run()
for thread in threading.enumerate():
    if thread is not threading.current_thread() and not thread.daemon:
        thread.join()
atexit._run_exitfuncs()
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
