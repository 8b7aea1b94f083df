//! Tree to text in the one canonical layout (`language.md` §4).
//!
//! Everything is first tried on one line ([`flat`]); what does not fit in [`WIDTH`] characters, or holds a
//! comment, is broken in the one way there is for it ([`broken`]). The layout depends on the tree alone, never on
//! line breaks that are not in it, so formatting twice changes nothing. Comments keep their order; where keeping
//! it and sorting the imports exclude each other, the imports stay as they are.

mod broken;
mod flat;
mod shape;

use super::ast::{Comment, File, Node, Stmt, StmtKind, Term, TermKind, Trivia};

pub use shape::shape;

/// Longest line, in characters, where a line can be broken.
const WIDTH: usize = 88;
/// One level of indentation.
const STEP: usize = 2;

/// Why a tree has no canonical text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the file has syntax errors; repair them first, formatting would lose what could not be read")]
pub struct FormatError;

/// The canonical text of a file. `text` is what it was parsed from: literals are copied from there as written.
///
/// # Errors
/// A file that had syntax errors is refused.
pub fn format(file: &File, text: &str) -> Result<String, FormatError> {
    if file.broken { Err(FormatError) } else { Ok(Printer::new(Some(text)).file(file)) }
}

/// The canonical text of a tree that a program made. Holes are left out.
#[must_use]
pub fn print(file: &File) -> String {
    Printer::new(None).file(file)
}

/// Writes one file.
struct Printer<'a> {
    /// What the tree was parsed from.
    text: Option<&'a str>,
    out: String,
}

// === impl Printer ===

impl<'a> Printer<'a> {
    fn new(text: Option<&'a str>) -> Self {
        Self { text, out: String::new() }
    }

    fn file(mut self, file: &File) -> String {
        let (order, moved) = import_order(file);
        let mut after_tall = false;
        let mut after_import = false;
        for (n, stmt) in order.iter().enumerate() {
            let import = word(stmt) == "import";
            let mut body = Printer::new(self.text);
            body.stmt(stmt, 0);
            let tall = body.out.trim_end().contains('\n') && has_block(stmt);
            let written = stmt.leading.first().is_some_and(|t| matches!(t, Trivia::Blank));
            let blank = match (moved, import, after_import) {
                (true, true, before) => !before,
                (true, false, true) => true,
                _ => written,
            };
            if n > 0 && (blank || tall || after_tall) {
                self.out.push('\n');
            }
            self.leading(&stmt.leading, 0, Blanks::Inner);
            self.out.push_str(&body.out);
            (after_tall, after_import) = (tall, import);
        }
        let blanks = if order.is_empty() { Blanks::Inner } else { Blanks::First };
        self.leading(&file.end, 0, blanks);
        self.out
    }

    /// Comments on lines of their own, and the blank lines between them.
    fn leading(&mut self, trivia: &[Trivia], indent: usize, blanks: Blanks) {
        let last = trivia.iter().rposition(|t| matches!(t, Trivia::Comment(_)));
        for (n, item) in trivia.iter().enumerate() {
            match item {
                Trivia::Comment(comment) => {
                    self.pad(indent);
                    self.out.push_str(&comment.text);
                    self.out.push('\n');
                }
                Trivia::Blank => {
                    let keep = match blanks {
                        Blanks::All => true,
                        Blanks::Inner => n > 0,
                        Blanks::First => last.is_some_and(|last| n < last),
                        Blanks::Between => n > 0 && last.is_some_and(|last| n < last),
                    };
                    if keep {
                        self.blank();
                    }
                }
            }
        }
    }

    /// One blank line, unless there is one.
    fn blank(&mut self) {
        if !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// A statement without what stands above it, with its line break.
    fn stmt(&mut self, stmt: &Stmt, indent: usize) {
        let StmtKind::Node(node) = &stmt.kind else { return };
        self.pad(indent);
        match flat::Line::new(self.text, WIDTH.saturating_sub(indent)).fit(|l| l.node(node)) {
            Some(line) => self.out.push_str(&line),
            None => self.broken_node(node, indent),
        }
        self.behind(stmt.trailing.as_ref());
        self.out.push('\n');
    }

    /// Statements of a block.
    fn stmts(&mut self, stmts: &[Stmt], indent: usize) {
        for (n, stmt) in stmts.iter().enumerate() {
            self.leading(&stmt.leading, indent, if n == 0 { Blanks::Inner } else { Blanks::All });
            self.stmt(stmt, indent);
        }
    }

    /// A comment at the end of a line.
    fn behind(&mut self, comment: Option<&Comment>) {
        if let Some(comment) = comment {
            self.out.push(' ');
            self.out.push_str(&comment.text);
        }
    }

    fn pad(&mut self, indent: usize) {
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn new_line(&mut self, indent: usize) {
        self.out.push('\n');
        self.pad(indent);
    }

    /// Characters on the last line so far.
    fn column(&self) -> usize {
        self.out.rsplit('\n').next().unwrap_or_default().chars().count()
    }
}

/// Which blank lines among comments are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Blanks {
    /// Each.
    All,
    /// Not one at the start: nothing, or a blank line, is above.
    Inner,
    /// Not those behind the last comment: the end of something is below.
    First,
    /// Neither.
    Between,
}

/// The statements with imports first and sorted, and whether that is another order than the written one.
fn import_order(file: &File) -> (Vec<&Stmt>, bool) {
    let written: Vec<&Stmt> = file.stmts.iter().collect();
    let head = written.iter().take_while(|s| matches!(word(s), "weir" | "team")).count();
    let (top, rest) = written.split_at_checked(head).unwrap_or((&written, &[]));
    let (mut imports, others): (Vec<&Stmt>, Vec<&Stmt>) = rest.iter().partition(|s| word(s) == "import");
    imports.sort_by_key(|s| import_key(s));
    let order: Vec<&Stmt> = top.iter().copied().chain(imports).chain(others).collect();
    let commented = |order: &[&Stmt]| -> Vec<u32> {
        order.iter().filter(|s| flat::has_comments(s)).map(|s| s.span.start).collect()
    };
    let moved = !order.iter().zip(&written).all(|(a, b)| std::ptr::eq(*a, *b));
    if moved && commented(&order) == commented(&written) { (order, true) } else { (written, false) }
}

fn node(stmt: &Stmt) -> Option<&Node> {
    match &stmt.kind {
        StmtKind::Node(node) => Some(node),
        StmtKind::Error => None,
    }
}

fn has_block(stmt: &Stmt) -> bool {
    node(stmt).is_some_and(|n| n.block.is_some())
}

/// The keyword of a statement; empty for a path of several parts.
fn word(stmt: &Stmt) -> &str {
    use super::ast::Segment;
    match node(stmt).map(|n| n.word.segments.as_slice()) {
        Some([Segment::Name(name)]) => name,
        _ => "",
    }
}

/// What imports are sorted by: the file, then the rest.
fn import_key(stmt: &Stmt) -> Vec<String> {
    let args: &[Term] = node(stmt).map_or(&[], |n| n.args.as_slice());
    args.iter().map(|t| if let TermKind::Literal(_) = t.kind { flat::canonical(t) } else { shape::term(t) }).collect()
}
