//! Every metric, in one table: registration and `docs/metrics.md` are made from it.

/// What a metric does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    /// Seconds, in these buckets.
    Histogram(&'static [f64]),
}

/// One metric.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) labels: &'static [&'static str],
    pub(super) help: &'static str,
}

/// From a millisecond to ten minutes: long answers are normal here.
const REQUEST: &[f64] =
    &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];
/// From ten microseconds to a second.
const OVERHEAD: &[f64] =
    &[0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0];

pub(super) const REQUESTS: Row = Row {
    name: "weir_requests_total",
    kind: Kind::Counter,
    labels: &["api", "rule", "pool", "endpoint", "status_class", "outcome"],
    help: "Finished exchanges. `outcome` is complete, refused, failed, broken, client_gone or bug",
};
pub(super) const REQUEST_SECONDS: Row = Row {
    name: "weir_request_seconds",
    kind: Kind::Histogram(REQUEST),
    labels: &["api"],
    help: "Whole time of an exchange, from its head to the last byte of its answer",
};
pub(super) const OVERHEAD_SECONDS: Row = Row {
    name: "weir_overhead_seconds",
    kind: Kind::Histogram(OVERHEAD),
    labels: &["stage"],
    help: "Time in weir itself, without waiting for the client or an upstream. `stage` is all",
};
pub(super) const FIRST_TOKEN_SECONDS: Row = Row {
    name: "weir_first_token_seconds",
    kind: Kind::Histogram(REQUEST),
    labels: &["endpoint"],
    help: "From the head of a streamed request to the first byte of its answer sent on",
};
pub(super) const TOKENS: Row = Row {
    name: "weir_tokens_total",
    kind: Kind::Counter,
    labels: &["direction", "class"],
    help: "Tokens as upstreams counted them. `direction` is input (`class` fresh or cached) or output (`class` answer \
           or reasoning); the classes of a direction add up to all of it",
};
pub(super) const ATTEMPTS: Row = Row {
    name: "weir_attempts_total",
    kind: Kind::Counter,
    labels: &["endpoint", "failure"],
    help: "Tries at endpoints. `failure` is none, or the failure class that `fallback … on` and `retry … on` name",
};
pub(super) const INFLIGHT: Row =
    Row { name: "weir_inflight", kind: Kind::Gauge, labels: &[], help: "Exchanges that have not ended" };
pub(super) const ENDPOINT_UP: Row = Row {
    name: "weir_endpoint_up",
    kind: Kind::Gauge,
    labels: &["endpoint"],
    help: "1 when some pool would send the endpoint a request now, 0 when it is drained, down, resting or ejected",
};
pub(super) const ENDPOINT_INFLIGHT: Row = Row {
    name: "weir_endpoint_inflight",
    kind: Kind::Gauge,
    labels: &["endpoint"],
    help: "Attempts under way at the endpoint",
};
pub(super) const EJECTIONS: Row = Row {
    name: "weir_ejections_total",
    kind: Kind::Counter,
    labels: &["endpoint"],
    help: "Times that a pool ejected the endpoint or opened its breaker",
};
pub(super) const POLICY_INFO: Row =
    Row { name: "weir_policy_info", kind: Kind::Gauge, labels: &["hash"], help: "1 for the policy set in force" };
pub(super) const POLICY_RELOADS: Row = Row {
    name: "weir_policy_reloads_total",
    kind: Kind::Counter,
    labels: &["result"],
    help: "Reloads. `result` is ok, or failed where the last good set stays in force",
};
pub(super) const LOG_DROPPED: Row = Row {
    name: "weir_log_lines_dropped_total",
    kind: Kind::Counter,
    labels: &[],
    help: "Access log lines thrown away because their reader was too slow",
};

/// All of them, in the order of the documentation that is made from it.
#[cfg(test)]
pub(super) const METRICS: &[&Row] = &[
    &REQUESTS,
    &REQUEST_SECONDS,
    &OVERHEAD_SECONDS,
    &FIRST_TOKEN_SECONDS,
    &TOKENS,
    &ATTEMPTS,
    &INFLIGHT,
    &ENDPOINT_UP,
    &ENDPOINT_INFLIGHT,
    &EJECTIONS,
    &POLICY_INFO,
    &POLICY_RELOADS,
    &LOG_DROPPED,
];

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    fn page() -> String {
        let mut out = String::from(
            "# Metrics\n\nServed by the admin listener under `GET /metrics` in Prometheus's text format. Label values \
             are names from\nthe loaded policy or words from this page, never text from a request. This page is \
             generated from\n`proxy/src/observe/table.rs`: `UPDATE=1 cargo test -p weir metrics_page`.\n\n\
             | metric | type | labels | meaning |\n| --- | --- | --- | --- |\n",
        );
        for row in METRICS {
            let kind = match row.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram(_) => "histogram",
            };
            let labels: Vec<String> = row.labels.iter().map(|label| format!("`{label}`")).collect();
            writeln!(out, "| `{}` | {kind} | {} | {} |", row.name, labels.join(" "), row.help).unwrap();
        }
        out.push_str("\nBuckets in seconds:\n\n");
        for row in METRICS {
            if let Kind::Histogram(buckets) = row.kind {
                let buckets: Vec<String> = buckets.iter().map(f64::to_string).collect();
                writeln!(out, "- `{}`: {}", row.name, buckets.join(", ")).unwrap();
            }
        }
        out
    }

    #[test]
    fn metrics_page_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
        if crate::secret::environment("UPDATE").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        let found = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(found, page(), "docs/metrics.md is stale: UPDATE=1 cargo test -p weir metrics_page");
    }

    #[test]
    fn names_follow_prometheus_habits() {
        for row in METRICS {
            assert!(row.name.starts_with("weir_"), "{}", row.name);
            assert_eq!(row.kind == Kind::Counter, row.name.ends_with("_total"), "{}", row.name);
            assert_eq!(matches!(row.kind, Kind::Histogram(_)), row.name.ends_with("_seconds"), "{}", row.name);
        }
    }
}
