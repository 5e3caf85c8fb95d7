"""Runs the scripts that are named by commands.run; prints {name: [exit code, stdout, stderr]} as JSON."""

import json
import pathlib
import sys

from e2b import CommandExitException
from e2b_code_interpreter import Sandbox

outcomes = {}
with Sandbox.create(timeout=7200) as sandbox:
    for path in map(pathlib.Path, sys.argv[1:]):
        try:
            result = sandbox.commands.run(path.read_text(), timeout=1200)
        except CommandExitException as error:
            result = error
        outcomes[path.stem] = [result.exit_code, result.stdout, result.stderr]
print(json.dumps(outcomes))
