"""Starts a simulated vendor and weir before it, runs every SDK's checks against them, and counts."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import trustme

HERE = pathlib.Path(__file__).parent
WEIR = os.environ["WEIR_BIN"]
MODULES = os.environ["WEIR_CONFORMANCE_MODULES"]
SUITES = [
    ("openai, Python", [sys.executable, "openai_python.py"]),
    ("openai, Node", ["node", "openai_node.mjs"]),
    ("anthropic, Python", [sys.executable, "anthropic_python.py"]),
    ("anthropic, Node", ["node", "anthropic_node.mjs"]),
]
START_SECONDS = 30
SUITE_SECONDS = 180


@contextlib.contextmanager
def running(folder, name, *arguments):
    """A process of weir's, with what its ports file says."""
    ports = folder / f"{name}.json"
    log = (folder / f"{name}.log").open("w")
    command = [WEIR, *arguments, "--ports-file", str(ports)]
    process = subprocess.Popen(command, stdout=log, stderr=log, env=dict(os.environ, CONFORMANCE_KEY="the-vendors-key"))
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ports.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{name} does not start: {(folder / f'{name}.log').read_text()[-2000:]}")
            time.sleep(0.02)
        yield json.loads(ports.read_text())
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            print(f"FAIL {name} does not end on SIGTERM")


def certificates(folder):
    """A certificate for weir's TLS listener; gives the path of the authority's."""
    authority = trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1")
    server.private_key_pem.write_to_path(folder / "server.key")
    (folder / "server.pem").write_bytes(b"".join(pem.bytes() for pem in server.cert_chain_pems))
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return folder / "ca.pem"


def main():
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="weir-conformance-") as name:
        folder = pathlib.Path(name)
        ca = certificates(folder)
        (folder / "gateway.toml").write_text(
            '[[listener]]\naddr = "127.0.0.1:0"\n\n[[listener]]\naddr = "127.0.0.1:0"\n'
            '[listener.tls]\ncert = "server.pem"\nkey = "server.key"\n'
        )
        script = HERE / "sim.toml"
        with running(folder, "sim", "sim", "--listen", "127.0.0.1:0", "--script", str(script)) as sim:
            vendor = f"http://{sim['listen'][0]}"
            policy = folder / "policy.weir"
            policy.write_text((HERE / "policy.weir").read_text().replace("@SIM@", vendor))
            arguments = ["run", str(policy), "--conf", str(folder / "gateway.toml"), "--admin", "127.0.0.1:0"]
            with running(folder, "weir", *arguments) as weir:
                env = dict(
                    os.environ,
                    WEIR_URL=f"http://{weir['proxy'][0]}",
                    WEIR_TLS_URL=f"https://localhost:{weir['proxy'][1].rsplit(':', 1)[1]}",
                    WEIR_CA=str(ca),
                    NODE_EXTRA_CA_CERTS=str(ca),
                    WEIR_SIM_URL=vendor,
                    WEIR_CONFORMANCE_MODULES=MODULES,
                )
                for suite, command in SUITES:
                    print(f"== {suite}", flush=True)
                    ok, bad = run(command, env)
                    passed, failed = passed + ok, failed + bad
                if failed:
                    print("== weir's log, the end\n" + (folder / "weir.log").read_text()[-3000:])
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


def run(command, env):
    """Runs a suite; each of its lines begins with `ok` or `FAIL`, and `end` is its last."""
    try:
        done = subprocess.run(command, cwd=HERE, env=env, capture_output=True, text=True, timeout=SUITE_SECONDS)
        out, err, status = done.stdout, done.stderr, done.returncode
    except subprocess.TimeoutExpired as late:
        out, err, status = (late.stdout or b"").decode(), "it takes too long", 1
    lines = out.splitlines()
    for line in lines:
        if line != "end":
            print(line)
    passed = sum(line.startswith("ok ") for line in lines)
    failed = sum(line.startswith("FAIL ") for line in lines)
    if status != 0 or lines[-1:] != ["end"]:
        print(f"FAIL the suite broke off: {err[-2000:]}")
        failed += 1
    return passed, failed


main()
