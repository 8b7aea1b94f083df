"""Turns the measured figures into docs/performance.md's tables: medians, ratios within a round, and the gates."""

import statistics

BEGIN, END = "<!-- peers: begin -->", "<!-- peers: end -->"
LABELS = {
    "direct": "no proxy", "weir": "**weir**", "pingora": "bare pingora", "nginx": "nginx", "haproxy": "HAProxy",
    "envoy": "Envoy",
}  # fmt: skip

# figure and field of the load generator's report, or a count of its own
CPU = "cpu_us_per_request"


def render(report):
    results, machine = report["results"], report["machine"]
    versions = ", ".join(f"{LABELS[name].strip('*')} {version}" for name, version in sorted(machine["versions"].items()))
    parts = [
        f"Taken on {machine['date']} at commit `{machine['commit']}` on {machine['cpu']}, {machine['memory_gib']} GiB, "
        f"Linux {machine['kernel']}: {report['rounds']} interleaved rounds, medians; {versions}. One core and one "
        "thread for the proxy; load and upstream share the rest. weir judges by ten rules on `model`, with metrics on.",
        "### Small requests: 589 bytes in, 1 KB out",
        grid(results, {
            "CPU µs/request at 2,000/s": lambda p: median(p, "small_rate", CPU),
            "added p50 µs": lambda p: added(results, p, "p50_us"),
            "added p99 µs": lambda p: added(results, p, "p99_us"),
            "CPU µs/request saturated": lambda p: median(p, "small_full", CPU),
            "requests/s": lambda p: median(p, "small_full", "per_second"),
            "user instructions": lambda p: p.get("instructions"),
            "system calls": lambda p: p.get("syscalls"),
        }),
        "### Prompts: CPU µs per request",
        grid(results, {
            "20 KB at 2,000/s": lambda p: median(p, "20k_rate", CPU),
            "20 KB saturated": lambda p: median(p, "20k_full", CPU),
            "200 KB at 2,000/s": lambda p: median(p, "200k_rate", CPU),
            "200 KB saturated": lambda p: median(p, "200k_full", CPU),
        }),
        "### Streams and memory",
        grid(results, {
            "CPU µs/event, 64 streams": lambda p: median(p, "stream", "cpu_us_per_event"),
            "first byte p50 µs": lambda p: median(p, "stream", "first_p50_us"),
            "KB per idle stream": idle_kb,
            "idle RSS MB": lambda p: mb(p, "idle", "rss_kb_before"),
            "RSS MB after the load": lambda p: mb(p, "stream", "rss_kb"),
        }),
        "### Gates",
        gates(results),
    ]  # fmt: skip
    return "\n\n".join(parts)


def write(path, text):
    """Replaces what stands between the markers."""
    old = path.read_text()
    before, rest = old.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


# === tables ===


def grid(results, columns):
    rows = ["| | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    for name, figures in results.items():
        cells = [number(column(figures)) for column in columns.values()]
        if any(cell != "–" for cell in cells):
            rows.append(f"| {LABELS[name]} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def gates(results):
    """The goals that a change must keep: what was measured, the bound, and whether it holds."""
    weir = results.get("weir", {})
    versus = [
        ("CPU/request, small, at 2,000/s", "small_rate", CPU, "pingora", 1.15),
        ("CPU/request, small, saturated", "small_full", CPU, "pingora", 1.0),
        ("CPU/request, small, saturated", "small_full", CPU, "envoy", 0.5),
        ("CPU/request, 20 KB, saturated", "20k_full", CPU, "pingora", 1.1),
        ("CPU/request, 200 KB, saturated", "200k_full", CPU, "pingora", 1.1),
        ("CPU/event", "stream", "cpu_us_per_event", "pingora", 1.0),
    ]
    rows = []
    for label, figure, field, peer, bound in versus:
        measured = ratio(weir, results.get(peer, {}), figure, field)
        rows.append((label, measured, bound, f"{{}} × {LABELS[peer]}"))
    own, floor = (added(results, results.get(name, {}), "p50_us") for name in ("weir", "pingora"))
    rows.append(("added p50 at 2,000/s", own / floor if own and floor else None, 1.0, "{} × bare pingora"))
    rows += [
        ("user instructions per request", weir.get("instructions"), 84_000, "{}"),
        ("system calls per request", weir.get("syscalls"), 8, "{}"),
        ("memory per idle stream", idle_kb(weir), 40, "{} KB"),
        ("idle RSS", mb(weir, "idle", "rss_kb_before"), 30, "{} MB"),
    ]
    lines = ["| figure | measured | gate | holds |", "|---|---:|---:|---|"]
    for label, measured, bound, unit in rows:
        if measured is not None:
            holds = "yes" if measured <= bound else "**no**"
            lines.append(f"| {label} | {unit.format(number(measured))} | ≤ {unit.format(number(bound))} | {holds} |")
    return "\n".join(lines)


# === figures ===


def median(figures, figure, field):
    values = [report[field] for report in figures.get(figure, []) if report]
    value = statistics.median(values) if values else 0
    return value or None


def ratio(ours, theirs, figure, field):
    """The median of each round's ratio: what disturbs one side of a round disturbs the other."""
    pairs = zip(ours.get(figure, []), theirs.get(figure, []))
    ratios = [a[field] / b[field] for a, b in pairs if a and b and b[field]]
    return statistics.median(ratios) if ratios else None


def added(results, figures, field):
    own, direct = median(figures, "small_rate", field), median(results.get("direct", {}), "small_rate", field)
    return own - direct if own and direct and figures is not results["direct"] else None


def idle_kb(figures):
    reports = [report for report in figures.get("idle", []) if report]
    return statistics.median((r["rss_kb"] - r["rss_kb_before"]) / 2000 for r in reports) if reports else None


def mb(figures, figure, field):
    value = median(figures, figure, field)
    return value / 1024 if value else None


def number(value):
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
