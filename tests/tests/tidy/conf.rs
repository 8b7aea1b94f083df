//! Every key of the process configuration stands in `conf/gateway.toml`, with a comment.

use crate::source::{Source, Violation};
use syn::visit::{self, Visit};

const MIRROR: &str = "proxy/src/conf/file.rs";
const ANNOTATED: &str = "conf/gateway.toml";

/// Compares the serde mirror's fields with the annotated configuration.
pub fn keys_documented(sources: &[Source]) -> Vec<Violation> {
    let find = |path: &str| sources.iter().find(|source| source.path == path);
    let Some(mirror) = find(MIRROR) else { return Vec::new() };
    let Some(annotated) = find(ANNOTATED) else {
        return vec![mirror.violation(1, format!("has keys, but `{ANNOTATED}` does not exist; write it"))];
    };
    let mut keys = Keys::default();
    if let Some(syntax) = mirror.syntax() {
        keys.visit_file(syntax);
    }
    keys.found
        .iter()
        .filter(|(_, key)| !documents(&annotated.text, key))
        .map(|(line, key)| {
            mirror.violation(*line, format!("key `{key}` is missing in `{ANNOTATED}`; add it with a comment"))
        })
        .collect()
}

#[derive(Default)]
struct Keys {
    found: Vec<(usize, String)>,
}

impl<'ast> Visit<'ast> for Keys {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        for field in &item.fields {
            let Some(name) = &field.ident else { continue };
            let key = renamed(field).unwrap_or_else(|| name.to_string().trim_start_matches("r#").to_owned());
            self.found.push((name.span().start().line, key));
        }
        visit::visit_item_struct(self, item);
    }
}

/// The name that `#[serde(rename = "…")]` gives.
fn renamed(field: &syn::Field) -> Option<String> {
    let mut name = None;
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        // Settings other than `rename` have other shapes; they are none of this rule's business.
        let _ = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("rename") {
                name = Some(meta.value()?.parse::<syn::LitStr>()?.value());
            }
            Ok(())
        });
    }
    name
}

/// Whether `key` is set, named as a table, or shown commented out, on a line of its own.
fn documents(annotated: &str, key: &str) -> bool {
    annotated.lines().any(|line| {
        let line = line.trim_start_matches(['#', ' ']);
        let is_value = line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
        let is_table = line.starts_with('[')
            && line.trim_matches(['[', ']', ' ']).split('.').any(|part| part.trim_matches('"') == key);
        is_value || is_table
    })
}

#[test]
fn a_key_without_its_line_is_found() {
    let mirror = Source::new(
        MIRROR,
        "struct File { listen: u8, #[serde(rename = \"type\")] kind: u8,\n idle_ms: u8, tls: u8 }",
    );
    let annotated = |text: &str| Source::new(ANNOTATED, text);
    let complete = annotated("# where to listen\nlisten = 1\n# type = 2\nidle_ms = 3\n[[tls]]\n");
    assert_eq!(keys_documented(&[Source::new(MIRROR, &mirror.text), complete]), []);
    let partial = annotated("listen_more = 1\n# the type\ntype = 2\n[tls]\n");
    let found = keys_documented(&[Source::new(MIRROR, &mirror.text), partial]);
    let lines: Vec<usize> = found.iter().map(|violation| violation.line).collect();
    assert_eq!(lines, [1, 2]);
    assert_eq!(keys_documented(&[mirror]).len(), 1, "a mirror without an annotated file");
}
