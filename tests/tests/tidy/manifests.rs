//! What the crates may depend on. A crate that is not declared cannot be used, so for the pure crates the
//! compiler keeps most of ARCHITECTURE.md's table once the manifests do.

use crate::source::{Source, Violation};

/// Beginnings of crate names that a pure crate must not declare, not even for its tests' sake hidden in
/// `[dependencies]`.
const IMPURE: &[&str] =
    &["pingora", "tokio", "async-", "http", "hyper", "reqwest", "notify", "rustls", "prometheus", "log", "tracing"];

pub fn dependencies(source: &Source) -> Vec<Violation> {
    let also: &[&str] = match source.path.as_str() {
        "dsl/Cargo.toml" => &["serde", "weir-filters"],
        "filters/Cargo.toml" => &["weir-dsl"],
        _ => return Vec::new(),
    };
    let Ok(manifest) = source.text.parse::<toml::Table>() else {
        return vec![source.violation(1, "is not TOML")];
    };
    let declared = manifest.get("dependencies").and_then(toml::Value::as_table);
    let mut found = Vec::new();
    for name in declared.into_iter().flat_map(toml::Table::keys) {
        if IMPURE.iter().chain(also).any(|prefix| name.starts_with(prefix)) {
            let line = source.text.lines().position(|line| line.starts_with(name.as_str())).map_or(1, |at| at + 1);
            found.push(source.violation(line, format!("pure crate depends on `{name}`; let the proxy do it")));
        }
    }
    found
}

#[test]
fn a_pure_crate_declares_no_runtime() {
    let bad =
        Source::new("dsl/Cargo.toml", "[dependencies]\nnom = \"8\"\nserde_json = \"1\"\ntokio.workspace = true\n");
    let lines: Vec<usize> = dependencies(&bad).iter().map(|violation| violation.line).collect();
    assert_eq!(lines, [3, 4]);
    let good = [
        ("filters/Cargo.toml", "[dependencies]\nserde_json = \"1\"\n[dev-dependencies]\ntokio = \"1\"\n"),
        ("proxy/Cargo.toml", "[dependencies]\ntokio = \"1\"\n"),
    ];
    for (path, text) in good {
        assert_eq!(dependencies(&Source::new(path, text)), [], "{path}");
    }
}
