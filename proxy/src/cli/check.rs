//! `weir check FILE…`: the one gate, as `run` and every reload pass it.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::time::Instant;
use weir_dsl::Options;
use weir_dsl::diag;
use weir_dsl::hir::PolicyStmtKind;

use super::screen::Screen;
use super::{BAD, BROKEN, GOOD};
use crate::conf::{self, Overrides};
use crate::snapshot::policy::{self, Checked};

/// What `weir check` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Root files of policies; `/dev/stdin` works too
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Lay this overlay over the policy
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
    /// Take levels and limits from the `[check]` tables of a process configuration
    #[arg(long, value_name = "TOML")]
    conf: Option<PathBuf>,
    /// Print diagnostics as one JSON document
    #[arg(long, conflicts_with = "sarif")]
    json: bool,
    /// Print diagnostics as SARIF 2.1.0
    #[arg(long)]
    sarif: bool,
    /// Warnings become errors
    #[arg(long, value_name = "WHAT")]
    deny: Option<Deny>,
    /// Print what the policies hold and cost
    #[arg(long)]
    stats: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Deny {
    Warnings,
}

/// What was found, for people at once, for programs at the end.
struct Report<'a> {
    args: &'a Args,
    screen: &'a mut Screen,
    document: Value,
}

pub(super) fn run(args: &Args, screen: &mut Screen) -> u8 {
    let options = match options(args) {
        Ok(options) => options,
        Err(errors) => {
            screen.tell(&format!("{errors}\n"));
            return BROKEN;
        }
    };
    let mut report = Report { args, screen, document: Value::Null };
    let worst = args.files.iter().map(|file| {
        let began = Instant::now();
        match policy::check(Some(file), &options) {
            Ok(checked) => {
                report.diagnostics(&checked);
                if args.stats {
                    report.stats(&checked, &options, began);
                }
                if checked.is_good() { GOOD } else { BAD }
            }
            Err(unreadable) => report.screen.broken(&unreadable.to_string()),
        }
    });
    let worst = worst.max().unwrap_or(GOOD);
    if args.json || args.sarif {
        let document = if report.document.is_null() { json!({}) } else { report.document };
        screen.say(&format!("{document}\n"));
    }
    worst
}

fn options(args: &Args) -> Result<Options, conf::ConfErrors> {
    // The other settings do not matter here, but a configuration that is wrong in them would not run either.
    let overrides = Overrides { env: args.env.as_deref().map(Arc::from), ..Overrides::default() };
    let mut options = conf::load_elsewhere(args.conf.as_deref(), &overrides)?.compile;
    options.deny_warnings |= args.deny.is_some();
    Ok(options)
}

// === impl Report ===

impl Report<'_> {
    fn diagnostics(&mut self, checked: &Checked) {
        let (found, sources) = (&checked.compilation.diagnostics, &checked.compilation.sources);
        if self.args.json || self.args.sarif {
            let text = if self.args.json { diag::json(found, sources) } else { diag::sarif(found, sources) };
            // The compiler writes valid JSON; should it not, its text is still shown.
            self.add(serde_json::from_str(&text).unwrap_or(Value::String(text)));
        } else {
            self.screen.tell(&diag::text(found, sources, self.screen.style()));
        }
        if let Some(too_large) = &checked.too_large {
            self.screen.error(&too_large.to_string());
        }
    }

    fn stats(&mut self, checked: &Checked, options: &Options, began: Instant) {
        let mut rows = figures(checked, options);
        rows.push(("milliseconds", json!(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX))));
        if self.args.json {
            let rows: Map<_, _> = rows.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            self.add(json!({ "stats": [rows] }));
            return;
        }
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let lines: String = rows.iter().map(|(name, value)| format!("{name:width$}  {}\n", plain(value))).collect();
        self.screen.tell(&lines);
    }

    fn add(&mut self, document: Value) {
        self.document = merge(self.document.take(), document);
    }
}

/// What a set holds and what it costs.
fn figures(checked: &Checked, options: &Options) -> Vec<(&'static str, Value)> {
    let sources = &checked.compilation.sources;
    let mut rows = Vec::new();
    let mut row = |name, value| rows.push((name, value));
    row("identity", json!(&*checked.id(options)));
    row("files", json!(sources.files().count()));
    row("bytes", json!(sources.files().map(|(_, file)| file.text().len()).sum::<usize>()));
    if let Some(hir) = &checked.compilation.hir {
        let of = |kind| hir.policies.iter().flat_map(|policy| &policy.stmts).filter(|stmt| stmt.kind == kind).count();
        row("endpoints", json!(hir.endpoints.len()));
        row("models", json!(hir.endpoints.iter().map(|e| e.models.len()).sum::<usize>()));
        row("pools", json!(hir.pools.iter().filter(|pool| !pool.implicit).count()));
        row("policies", json!(hir.policies.len()));
        row("rules", json!(of(PolicyStmtKind::Rule)));
        row("applies", json!(of(PolicyStmtKind::Apply)));
        row("tests", json!(hir.atoms.len()));
        row("fields", json!(hir.fields.iter().map(|field| &*field.name).collect::<Vec<_>>()));
    }
    if let Some(tier) = checked.policies.iter().map(|policy| policy.tree().max_tier()).max() {
        row("deepest_tier", json!(format!("{tier:?}").to_ascii_lowercase()));
    }
    rows
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// One document out of two: lists are joined, numbers added, the first of anything else wins.
fn merge(a: Value, b: Value) -> Value {
    match (a, b) {
        (Value::Null, b) => b,
        (Value::Array(mut a), Value::Array(b)) => {
            a.extend(b);
            a.into()
        }
        (Value::Number(a), Value::Number(b)) => {
            json!(a.as_u64().unwrap_or_default() + b.as_u64().unwrap_or_default())
        }
        (Value::Object(mut a), Value::Object(b)) => {
            for (key, value) in b {
                let before = a.remove(&key).unwrap_or(Value::Null);
                a.insert(key, merge(before, value));
            }
            a.into()
        }
        (a, _) => a,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_of_several_files_become_one() {
        let a = json!({"version": "2.1.0", "errors": 1, "diagnostics": [1]});
        let b = json!({"version": "2.1.0", "errors": 2, "diagnostics": [2, 3], "stats": [{}]});
        let both = merge(merge(Value::Null, a), b);
        assert_eq!(both, json!({"version": "2.1.0", "errors": 3, "diagnostics": [1, 2, 3], "stats": [{}]}));
    }
}
