//! How policies are compiled: levels of diagnostics and sizes that are refused (`language.md` §16).

use weir_dsl::diag::{Code, Severity};
use weir_dsl::{Level, Limits, Options};

use super::error::Problem;
use super::read::Table;

const EXPECTED: &str = "codes of warnings, such as [\"W0301\"], or \"warnings\" for all of them";

/// The tables `[check]` and `[check.limits]`.
pub(super) fn options(root: &Table<'_>) -> Options {
    let table = root.table("check");
    let mut options = Options::default();
    for (key, level) in [("deny", Level::Deny), ("allow", Level::Allow)] {
        for put in table.texts(key, EXPECTED) {
            let code = Code::parse(&put.value).filter(|code| code.severity() == Severity::Warning);
            match code {
                Some(code) => {
                    options.levels.insert(code, level);
                }
                None if put.value == "warnings" && level == Level::Deny => options.deny_warnings = true,
                None => {
                    let got = format!("`{}`", put.value);
                    table.problem(key, &put.span, Problem::Mismatch { expected: EXPECTED.to_owned(), got });
                }
            }
        }
    }
    options.limits = limits(&table.table("limits"));
    table.done();
    options
}

fn limits(table: &Table<'_>) -> Limits {
    const COUNT_MAX: u64 = 100_000_000;
    const FILE_BYTES_MAX: u64 = 64 << 20;
    const DATA_BYTES_MAX: u64 = 4 << 30;
    let attempts_most = u64::from(weir_dsl::failover::ATTEMPTS_MAX);
    let d = Limits::default();
    let limits = Limits {
        file_bytes: table.number("file_bytes_max", 1..=FILE_BYTES_MAX).unwrap_or(d.file_bytes),
        data_bytes: table.number("data_bytes_max", 1..=DATA_BYTES_MAX).unwrap_or(d.data_bytes),
        inject_bytes: table.number("inject_bytes_max", 1..=FILE_BYTES_MAX).unwrap_or(d.inject_bytes),
        files: table.number("files_max", 1..=COUNT_MAX).unwrap_or(d.files),
        actions: table.number("actions_max", 1..=COUNT_MAX).unwrap_or(d.actions),
        rules: table.number("rules_max", 1..=COUNT_MAX).unwrap_or(d.rules),
        atoms_per_condition: table.number("atoms_per_condition_max", 1..=1024).unwrap_or(d.atoms_per_condition),
        list_items: table.number("list_items_max", 1..=COUNT_MAX).unwrap_or(d.list_items),
        regex_bytes: table.number("regex_bytes_max", 1..=COUNT_MAX).unwrap_or(d.regex_bytes),
        regex_compiled_bytes: table
            .number("regex_compiled_bytes_max", 1024..=COUNT_MAX)
            .unwrap_or(d.regex_compiled_bytes),
        glob_stars: table.number("glob_stars_max", 1..=64).unwrap_or(d.glob_stars),
        let_depth: table.number("let_depth_max", 1..=64).unwrap_or(d.let_depth),
        attempts: table.number("attempts_max", 1..=attempts_most).unwrap_or(d.attempts),
    };
    table.done();
    limits
}
