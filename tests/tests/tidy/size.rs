//! Files and functions that still fit into a head.

use crate::source::{Source, Violation, for_tests};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;

/// Lines of a file without its tests.
pub fn files(source: &Source) -> Vec<Violation> {
    if !source.is_rust() || source.is_test() {
        return Vec::new();
    }
    let Some(syntax) = source.syntax() else { return Vec::new() };
    let tests: usize = syntax.items.iter().filter(|item| for_tests(attributes(item))).map(lines).sum();
    let lines = source.text.lines().count() - tests;
    if lines <= FILE_LINES_MAX {
        return Vec::new();
    }
    vec![source.violation(1, format!("{lines} lines without tests, at most {FILE_LINES_MAX}; split it along a seam"))]
}

/// Lines of each function, from its signature to its closing brace.
pub fn functions(source: &Source) -> Vec<Violation> {
    if !source.is_rust() || source.is_test() {
        return Vec::new();
    }
    let Some(syntax) = source.syntax() else { return Vec::new() };
    let mut functions = Functions { source, found: Vec::new() };
    functions.visit_file(syntax);
    functions.found
}

struct Functions<'a> {
    source: &'a Source,
    found: Vec<Violation>,
}

impl Functions<'_> {
    fn measure(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let (first, last) = (signature.span().start().line, block.span().end().line);
        let lines = last + 1 - first;
        if lines > FUNCTION_LINES_MAX {
            let name = &signature.ident;
            let message = format!("`{name}` has {lines} lines, at most {FUNCTION_LINES_MAX}; move leaves out of it");
            self.found.push(self.source.violation(first, message));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.measure(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

fn lines(item: &syn::Item) -> usize {
    item.span().end().line + 1 - item.span().start().line
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    use syn::Item;
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::ExternCrate(_) | Item::ForeignMod(_) | Item::TraitAlias(_) | Item::Union(_) | Item::Verbatim(_) | _ => {
            &[]
        }
    }
}

#[test]
fn a_long_file_is_found_and_its_tests_do_not_count() {
    let code = "const A: u8 = 0;\n".repeat(FILE_LINES_MAX);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{code}}}\n");
    assert_eq!(files(&Source::new("dsl/src/x.rs", &format!("{code}{tests}"))), []);
    assert_eq!(files(&Source::new("dsl/src/x.rs", &format!("{code}const B: u8 = 0;\n{tests}"))).len(), 1);
}

#[test]
fn a_long_function_is_found_wherever_it_stands() {
    let body = |lines: usize| format!("{{\n{}}}\n", "    let _ = 0;\n".repeat(lines));
    let (fits, long) = (body(FUNCTION_LINES_MAX - 2), body(FUNCTION_LINES_MAX - 1));
    for around in ["fn f() @", "struct S; impl S { fn f() @ }", "trait T { fn f() @ }", "mod m { fn f() @ }"] {
        let source = |body: &str| Source::new("dsl/src/x.rs", &around.replace('@', body));
        assert_eq!(functions(&source(&fits)), [], "{around}");
        assert_eq!(functions(&source(&long)).len(), 1, "{around}");
        let in_tests = format!("#[cfg(test)]\nmod tests {{ {} }}", around.replace('@', &long));
        assert_eq!(functions(&Source::new("dsl/src/x.rs", &in_tests)), [], "{around}");
    }
}
