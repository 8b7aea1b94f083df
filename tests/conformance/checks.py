"""What the Python suites share: run every check, print `ok NAME` or `FAIL NAME: why`, count hits at the vendor."""

import json
import os
import traceback
import urllib.request

URL = os.environ["WEIR_URL"]
TLS_URL = os.environ["WEIR_TLS_URL"]
CA = os.environ["WEIR_CA"]
SIM_URL = os.environ["WEIR_SIM_URL"]
CHECKS = []


def check(function):
    """Marks a check; its name is the function's."""
    CHECKS.append(function)
    return function


def run():
    for function in CHECKS:
        name = function.__name__.replace("_", " ")
        try:
            function()
            print(f"ok   {name}", flush=True)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            print(f"FAIL {name}: {type(error).__name__}: {str(error)[:300]!r} at line {place.lineno}", flush=True)
    print("end")


def raises(kind, call):
    """The exception of this kind that the call raises."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} was raised")


def stats():
    return json.load(urllib.request.urlopen(SIM_URL + "/sim/stats"))


def hits(rule):
    """How often the vendor answered by a rule."""
    return next(r["hits"] for r in stats()["rules"] if r["name"] == rule)
