//! The rules of CONTRIBUTING.md that a compiler does not enforce, checked over the source tree.
//!
//! Every rule is a pure function from a [`Source`] to [`Violation`]s and is itself tested on small bad snippets:
//! a check that cannot fail checks nothing. This test refuses to know what the code does; it reads names, sizes
//! and words.

mod hygiene;
mod imports;
mod manifests;
mod paths;
mod size;
mod source;
mod words;

use source::{Source, Violation, tracked};

/// One rule: reads one file, says what is wrong with it.
type Rule = fn(&Source) -> Vec<Violation>;

const RULES: &[Rule] = &[
    imports::crates,
    imports::formats,
    manifests::dependencies,
    size::files,
    size::functions,
    hygiene::module_docs,
    hygiene::lint_reasons,
    hygiene::type_names,
    words::unfinished,
    words::machine_paths,
    words::large_files,
];

#[test]
fn the_source_tree_is_tidy() {
    let sources = tracked(&weir_tests::root());
    assert!(sources.len() > 20, "found only {} files: the walk over the source tree is broken", sources.len());
    let mut found: Vec<Violation> =
        sources.iter().flat_map(|source| RULES.iter().flat_map(move |rule| rule(source))).collect();
    found.sort();
    found.dedup();
    let report: Vec<String> = found.iter().map(Violation::to_string).collect();
    assert!(found.is_empty(), "\n{}\n\n{} violations", report.join("\n"), found.len());
}
