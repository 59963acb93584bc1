"""Steps of a session: what the scripts in Python share."""

import os
import sys
import traceback

PORT = int(os.environ["SANDBOX_PORT"])
PASSWORD = os.environ["SANDBOX_PASSWORD"]
PROTECTION = os.environ["SANDBOX_PROTECTION"]
AUTHORITY = os.environ.get("SANDBOX_AUTHORITY")
# Bytes of a large value; encryption in an unoptimised build takes its time.
LARGE = 10_000_000 if PROTECTION == "plain" else 1_000_000


# Types whose values cannot be compared, and those that can be which they convert to.
COMPARED_AS = {"text": "varchar(max)", "ntext": "nvarchar(max)", "image": "varbinary(max)", "xml": "nvarchar(max)"}


def same(column, ty, literal):
    """The condition in T-SQL that a column has a value."""
    return f"CAST({column} AS {COMPARED_AS[ty]}) = {literal}" if ty in COMPARED_AS else f"{column} = {literal}"


def step(function):
    """Runs a step and prints its name; a step that fails ends the program."""
    name = function.__name__.strip("_").replace("_", " ")
    try:
        function()
    except BaseException:
        traceback.print_exc()
        sys.exit(f"step '{name}' failed")
    print(name, flush=True)
    return function


def equal(found, expected):
    """Asserts that two values are the same and of the same type, deeply, as far as it matters here."""
    if isinstance(expected, (list, tuple)):
        found = list(found)
        assert len(found) == len(expected), f"{found!r} where {expected!r} was expected"
        for one, other in zip(found, expected):
            equal(one, other)
    else:
        shown = lambda value: repr(value)[:200]
        assert type(found) is type(expected), f"{shown(found)} where {shown(expected)} was expected"
        assert found == expected, f"{shown(found)} where {shown(expected)} was expected"
