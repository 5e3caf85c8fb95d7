"""Counts the words of a file, of its standard input and of what a child says, beside what a program finds."""

import collections
import json
import os
import re
import sys

from wit_world import exports
from wit_world.imports import process
from wit_world.imports.exit import exit_with_code
from wit_world.imports.process import Command, spawn


def count(text):
    return json.dumps(collections.Counter(re.findall(r"\w+", text)), sort_keys=True)


def words_of_child(script):
    command = Command(
        "sh", ["sh", "-c", script], None, None, process.Source_Null(), process.Sink_Pipe(), process.Sink_Inherit(), False
    )
    child = spawn(command)
    stdout = child.take_stdout()
    ended = child.wait()
    return stdout.blocking_read(4096).decode(), ended.value


class Run(exports.Run):
    def run(self):
        print(sys.version_info[:2], sys.argv[1:], os.environ["NAME"])
        try:
            open("missing")
        except FileNotFoundError as error:
            print(error.filename, file=sys.stderr)
        print(count(open("words").read()), count(sys.stdin.read()))
        text, code = words_of_child("cat words; exit 5")
        print(count(text), code, flush=True)
        exit_with_code(7)
