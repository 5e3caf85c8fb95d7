"""Imports the official SDKs, sync and async, and prints the versions that were installed."""

from importlib.metadata import version

from e2b import AsyncSandbox, Sandbox
from e2b_code_interpreter import AsyncSandbox as AsyncInterpreter
from e2b_code_interpreter import Sandbox as Interpreter

for sandbox in (Sandbox, AsyncSandbox, Interpreter, AsyncInterpreter):
    assert callable(sandbox.create), sandbox

for package in ("e2b", "e2b-code-interpreter"):
    print(package, version(package))
