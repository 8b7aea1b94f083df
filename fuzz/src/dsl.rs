//! Policy texts: whatever comes, the parser gives a tree and diagnostics that point into the text, and the formatter
//! changes the layout and nothing else.

use std::collections::BTreeMap;
use weir_dsl::diag::Diagnostic;
use weir_dsl::span::{SourceId, Span};
use weir_dsl::syntax::{self, DIAGNOSTICS_MAX, TokenKind, ast};
use weir_dsl::tree::arbitrary::agree;
use weir_dsl::{MemoryLoader, Options};

const SOURCE: SourceId = SourceId(0);
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Lexing loses no byte; parsing ends; every diagnostic points at characters of the text.
pub fn parse(input: &[u8]) {
    let (text, unfit) = syntax::decode(SOURCE, input, TEXT_BYTES_MAX);
    if let Some(problem) = unfit {
        points_into(&text, &problem);
        return;
    }
    let tokens = syntax::lex(SOURCE, &text, &mut Vec::new());
    let mut end = 0;
    for token in &tokens {
        assert_eq!(token.span.start, end, "tokens follow each other without a gap");
        assert!(token.span.end > token.span.start, "a token is not empty");
        end = token.span.end;
        under(&text, token.span);
    }
    assert_eq!(end as usize, text.len(), "tokens cover the whole text");

    let (file, problems) = read(&text);
    assert!(problems.len() <= DIAGNOSTICS_MAX);
    assert_eq!(file.broken, !problems.is_empty(), "a broken file says why: {problems:?}");
    problems.iter().for_each(|problem| points_into(&text, problem));
}

/// Compiling is total: a policy without errors, or errors that point into its files.
pub fn compile(input: &[u8]) {
    let loader = MemoryLoader::one("main.weir", input);
    let compiled = weir_dsl::compile("main.weir", &loader, &Options::default());
    assert_eq!(compiled.hir.is_none(), compiled.has_errors(), "{:?}", compiled.diagnostics);
    for problem in &compiled.diagnostics {
        let label = problem.primary.span;
        let file = compiled.sources.file(label.source).expect("a diagnostic's file took part");
        points_into(file.text(), problem);
    }
}

/// The indexed tree decides as the linear reference does, on a policy and requests made from these bytes.
pub fn tree_oracle(input: &[u8]) {
    if let Err(difference) = agree(input) {
        panic!("{difference}");
    }
}

/// What parses can be formatted; the result parses to the same tree, keeps every comment, and is formatted already.
pub fn format(input: &[u8]) {
    let (text, unfit) = syntax::decode(SOURCE, input, TEXT_BYTES_MAX);
    if unfit.is_some() {
        return;
    }
    let (file, _) = read(&text);
    if file.broken {
        assert!(syntax::format(&file, &text).is_err(), "formatting a broken file would lose what was not read");
        return;
    }
    let once = syntax::format(&file, &text).expect("a file without problems has a canonical text");
    let (again, problems) = read(&once);
    assert!(problems.is_empty(), "the canonical text does not parse: {problems:?}\n{once}");
    assert_eq!(shape(&again), shape(&file), "formatting changed the meaning\n{text}\n---\n{once}");
    assert_eq!(comments(&once), comments(&text), "formatting lost a comment");
    let twice = syntax::format(&again, &once).expect("it parsed");
    assert_eq!(twice, once, "formatting is not idempotent");
}

fn read(text: &str) -> (ast::File, Vec<Diagnostic>) {
    let mut problems = Vec::new();
    let file = syntax::parse(SOURCE, text, &mut problems);
    (file, problems)
}

fn points_into(text: &str, problem: &Diagnostic) {
    let file = problem.primary.span.source;
    let labels = std::iter::once(&problem.primary).chain(&problem.secondary).map(|label| label.span);
    let fixes = problem.fixes.iter().map(|fix| fix.span);
    labels.chain(fixes).filter(|span| span.source == file).for_each(|span| {
        under(text, span);
    });
    assert!(!problem.message.is_empty());
}

fn under(text: &str, span: Span) -> &str {
    let range = span.start as usize..span.end as usize;
    text.get(range).unwrap_or_else(|| panic!("{span:?} does not lie on characters of the text"))
}

/// The comments in their order, as often as they stand there.
fn comments(text: &str) -> Vec<&str> {
    let tokens = syntax::lex(SOURCE, text, &mut Vec::new());
    let comments = tokens.iter().filter(|token| token.kind == TokenKind::Comment);
    comments.map(|token| under(text, token.span).trim_end()).collect()
}

/// The statements without places, blank lines and what stood on one line: what formatting must not touch. Imports
/// are sorted by the formatter, so here too; the rest keeps its order.
fn shape(file: &ast::File) -> Vec<String> {
    let (mut imports, others): (Vec<&ast::Stmt>, Vec<&ast::Stmt>) =
        file.stmts.iter().partition(|stmt| is_import(stmt));
    imports.sort_by_key(|stmt| without_layout(stmt));
    imports.into_iter().chain(others).map(without_layout).collect()
}

fn is_import(stmt: &ast::Stmt) -> bool {
    matches!(&stmt.kind, ast::StmtKind::Node(node) if format!("{:?}", node.word).contains("\"import\""))
}

fn without_layout(stmt: &ast::Stmt) -> String {
    let debug = format!("{stmt:#?}");
    let mut kept = String::new();
    let mut inside_span = None;
    for line in debug.lines() {
        let indent = line.len() - line.trim_start().len();
        match inside_span {
            Some(depth) if indent > depth => continue,
            Some(_) => {
                inside_span = None;
                continue;
            }
            None => {}
        }
        let word = line.trim_start();
        if word.ends_with("Span {") {
            inside_span = Some(indent);
        } else if word != "Blank," && !word.starts_with("one_line: ") {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    emptied(&kept)
}

/// A list that held nothing but blank lines prints its brackets on two lines; an empty one on one.
fn emptied(shape: &str) -> String {
    let lines: Vec<&str> = shape.lines().collect();
    let mut joined: BTreeMap<usize, String> = BTreeMap::new();
    let mut at = 0;
    while at < lines.len() {
        let closes = lines.get(at + 1).is_some_and(|next| next.trim_start().starts_with(']'));
        if lines[at].ends_with('[') && closes {
            joined.insert(at, format!("{}],", lines[at]));
            at += 1;
        } else {
            joined.insert(at, lines[at].to_owned());
        }
        at += 1;
    }
    joined.into_values().collect::<Vec<_>>().join("\n")
}
