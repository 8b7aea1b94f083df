//! Modules that introduce themselves, exceptions that give their reason, names that say something.

use crate::source::{Source, Violation};
use syn::visit::{self, Visit};

/// Every module opens by saying what it is for.
pub fn module_docs(source: &Source) -> Vec<Violation> {
    if !source.is_rust() || source.text.trim().is_empty() || (source.is_test() && source.path.contains("/src/")) {
        return Vec::new();
    }
    let opens = source.text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!"));
    if opens.is_some_and(|line| line.starts_with("//!")) {
        return Vec::new();
    }
    vec![source.violation(1, "has no module doc; open with `//!`: what it is for, what it refuses to know")]
}

/// `#[expect(lint)]` and its kin say why.
pub fn lint_reasons(source: &Source) -> Vec<Violation> {
    let mut reasons = Reasons { source, found: Vec::new() };
    source.is_rust().then(|| source.syntax().map(|syntax| reasons.visit_file(syntax)));
    reasons.found
}

/// Words that stand for "I did not find the noun".
const EMPTY_SUFFIXES: &[&str] = &["Manager", "Helper", "Helpers", "Util", "Utils"];

pub fn type_names(source: &Source) -> Vec<Violation> {
    let mut names = Names { source, found: Vec::new() };
    source.is_product().then(|| source.syntax().map(|syntax| names.visit_file(syntax)));
    names.found
}

struct Reasons<'a> {
    source: &'a Source,
    found: Vec<Violation>,
}

impl<'ast> Visit<'ast> for Reasons<'_> {
    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        self.found.extend(reason(self.source, attribute));
    }
}

fn reason(source: &Source, attribute: &syn::Attribute) -> Option<Violation> {
    let name = attribute.path().get_ident()?.to_string();
    let syn::Meta::List(list) = &attribute.meta else { return None };
    let silences = matches!(name.as_str(), "expect" | "allow");
    let gives_reason = list.tokens.clone().into_iter().any(|token| token.to_string() == "reason");
    (silences && !gives_reason).then(|| {
        let line = attribute.pound_token.spans[0].start().line;
        source.violation(line, format!("`{name}` without a reason; add `reason = \"…\"` with the invariant"))
    })
}

struct Names<'a> {
    source: &'a Source,
    found: Vec<Violation>,
}

impl Names<'_> {
    fn judge(&mut self, name: &syn::Ident, wrong: Option<String>) {
        self.found.extend(wrong.map(|message| self.source.violation(name.span().start().line, message)));
    }

    fn judge_type(&mut self, name: &syn::Ident) {
        let text = name.to_string();
        let wrong = EMPTY_SUFFIXES.iter().find(|suffix| text.ends_with(*suffix));
        self.judge(name, wrong.map(|suffix| format!("`{text}`: `{suffix}` names no thing; use the field's noun")));
    }

    fn judge_function(&mut self, name: &syn::Ident) {
        let text = name.to_string();
        let wrong = text.strip_prefix("get_");
        self.judge(
            name,
            wrong.map(|rest| format!("`{text}`: call it `{rest}`, or say what it costs (`load`, `find`)")),
        );
    }
}

impl<'ast> Visit<'ast> for Names<'_> {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.judge_type(&item.ident);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.judge_type(&item.ident);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.judge_type(&item.ident);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.judge_function(&item.sig.ident);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.judge_function(&item.sig.ident);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        // The names in an impl of a foreign trait are not ours to choose.
        if item.trait_.is_none() {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.judge_function(&item.sig.ident);
    }
}

#[test]
fn a_module_without_its_doc_is_found() {
    for bad in ["use std::io;", "// a comment\nfn f() {}", "/// an item's doc\nfn f() {}"] {
        assert_eq!(module_docs(&Source::new("dsl/src/x.rs", bad)).len(), 1, "{bad}");
    }
    assert_eq!(module_docs(&Source::new("dsl/src/x.rs", "\n#![no_main]\n//! Doc.\n")), []);
    assert_eq!(module_docs(&Source::new("dsl/src/check/tests.rs", "use super::*;")), []);
}

#[test]
fn a_silenced_lint_needs_a_reason() {
    let bad = "//! X\n#![expect(dead_code)]\nfn f() {\n    #[allow(unused)]\n    let x = 1;\n}\n";
    let lines: Vec<usize> =
        lint_reasons(&Source::new("dsl/src/x.rs", bad)).iter().map(|violation| violation.line).collect();
    assert_eq!(lines, [2, 4]);
    let good = "#[expect(dead_code, reason = \"the table is read by tests\")]\nfn f() {}\n#[cfg(test)] mod tests {}";
    assert_eq!(lint_reasons(&Source::new("dsl/src/x.rs", good)), []);
}

#[test]
fn an_empty_name_is_found() {
    for bad in ["struct PoolManager;", "enum ParseUtils {}", "fn get_pool() {}", "impl P { fn get_x(&self) {} }"] {
        assert_eq!(type_names(&Source::new("proxy/src/x.rs", bad)).len(), 1, "{bad}");
    }
    for good in ["struct Pool;", "impl Peer for P { fn get_x(&self) {} }", "fn getter() {}"] {
        assert_eq!(type_names(&Source::new("proxy/src/x.rs", good)), [], "{good}");
    }
}
