"""What a request costs in counts that neighbours on the machine cannot disturb: instructions and system calls.

Each is the difference of two runs, with N and with 2N requests on one connection, divided by N: start, stop and the
first connection cancel out.
"""

import pathlib
import re
import tempfile

import proxies

REQUESTS = 500


def instructions(name, upstream_port, body):
    """User instructions per request, by callgrind."""
    valgrind = proxies.install("valgrind")

    def run(folder, requests):
        wrapper = [
            valgrind, "--tool=callgrind", "--trace-children=yes", f"--callgrind-out-file={folder}/out.%p",
        ]  # fmt: skip
        ask(name, upstream_port, body, wrapper, requests)
        files = list(folder.glob("out.*"))
        return sum(int(found) for file in files for found in re.findall(r"^totals: (\d+)", file.read_text(), re.M))

    return per_request(run)


def syscalls(name, upstream_port, body):
    """System calls per request, by strace, and which ones."""
    strace = proxies.install("strace")

    def run(folder, requests):
        ask(name, upstream_port, body, [strace, "-f", "-c", "-U", "name,calls", "-o", f"{folder}/out"], requests)
        return sum(calls(folder / "out").values())

    return per_request(run)


def calls(summary):
    """System call names and counts of one strace summary."""
    rows = re.findall(r"^(\w+)\s+(\d+)$", summary.read_text(), re.M)
    return {name: int(count) for name, count in rows if name != "total"}


def ask(name, upstream_port, body, wrapper, requests):
    with proxies.proxy(name, upstream_port, wrapper, ready_seconds=120) as running:
        report = proxies.load(running, body, connections=1, requests=requests)
    if report["failed"] or report["answered"] != requests:
        raise RuntimeError(f"{name}: {report['failed']} of {requests} requests failed while counting")


def per_request(run):
    counts = []
    for requests in (REQUESTS, 2 * REQUESTS):
        with tempfile.TemporaryDirectory(prefix="weir-count-") as folder:
            # nginx's worker runs as another user and writes here too
            pathlib.Path(folder).chmod(0o777)
            counts.append(run(pathlib.Path(folder), requests))
    once, twice = counts
    if not 0 < once < twice:
        raise RuntimeError(f"counted {once} and {twice} for {REQUESTS} and {2 * REQUESTS} requests")
    return (twice - once) / REQUESTS
