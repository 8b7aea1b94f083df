//! Everything on one line, as long as it fits and holds no comment.

use crate::syntax::ast::{
    Block, Expr, ExprKind, Joined, Literal, Node, Op, Path, Segment, Stmt, StmtKind, Term, TermKind, Test, Trivia,
};
use crate::syntax::expr_has_negation;
use crate::syntax::lex::{raw_problem, span_text};
use crate::syntax::literal::{money_text, quoted, unit_text};

/// A line in the making, that knows how much room is left.
pub(super) struct Line<'a> {
    /// What the tree was parsed from.
    text: Option<&'a str>,
    out: String,
    left: usize,
}

/// A line, if it fits.
pub(super) type Fits = Option<()>;

// === impl Line ===

impl<'a> Line<'a> {
    pub(super) fn new(text: Option<&'a str>, room: usize) -> Self {
        Self { text, out: String::new(), left: room }
    }

    /// What `write` writes, if it fits.
    pub(super) fn fit(mut self, write: impl FnOnce(&mut Self) -> Fits) -> Option<String> {
        write(&mut self)?;
        Some(self.out)
    }

    fn push(&mut self, text: &str) -> Fits {
        self.left = self.left.checked_sub(text.chars().count())?;
        self.out.push_str(text);
        Some(())
    }

    /// A whole statement.
    pub(super) fn node(&mut self, node: &Node) -> Fits {
        self.head(node)?;
        node.block.as_ref().map_or(Some(()), |block| self.block(block))
    }

    /// A statement up to its block.
    pub(super) fn head(&mut self, node: &Node) -> Fits {
        self.push(&path(&node.word))?;
        for arg in &node.args {
            self.push(" ")?;
            self.item(arg)?;
        }
        if let Some(value) = &node.value {
            self.push(" = ")?;
            self.expr(value)?;
        }
        if let Some(when) = &node.when {
            no_comments(&when.leading)?;
            self.push(" when ")?;
            self.expr(&when.expr)?;
        }
        Some(())
    }

    fn block(&mut self, block: &Block) -> Fits {
        no_comments(&block.inner_end)?;
        if block.opening.is_some() {
            return None;
        }
        if block.stmts.is_empty() {
            return self.push(" {}");
        }
        if !block.one_line {
            return None;
        }
        let start = self.out.len();
        self.push(" { ")?;
        for (n, stmt) in block.stmts.iter().enumerate() {
            no_comments(&stmt.leading)?;
            if stmt.trailing.is_some() {
                return None;
            }
            self.push(if n > 0 { "; " } else { "" })?;
            if let StmtKind::Node(inner) = &stmt.kind {
                self.node(inner)?;
            }
        }
        // A raw text with a line break: such a block does not stand on one line, whatever the tree says.
        let broken = self.out.get(start..).is_none_or(|block| block.contains('\n'));
        if broken { None } else { self.push(" }") }
    }

    /// A condition or value.
    pub(super) fn expr(&mut self, expr: &Expr) -> Fits {
        match &expr.kind {
            ExprKind::And(members) => self.joined(members, " and "),
            ExprKind::Or(members) => self.joined(members, " or "),
            ExprKind::Not(inner) => match negation(expr) {
                Some(test) => self.test(test, true),
                None => {
                    self.push("not ")?;
                    self.expr(inner)
                }
            },
            ExprKind::Term(term) => self.item(term),
            ExprKind::Test(test) => self.test(test, test.negated),
            ExprKind::Presence { of, present } => {
                self.item(of)?;
                self.push(if *present { " is present" } else { " is absent" })
            }
            ExprKind::Error => Some(()),
        }
    }

    fn joined(&mut self, members: &[Joined], op: &str) -> Fits {
        for (n, member) in members.iter().enumerate() {
            no_comments(&member.leading)?;
            if member.trailing.is_some() {
                return None;
            }
            self.push(if n > 0 { op } else { "" })?;
            self.expr(&member.expr)?;
        }
        Some(())
    }

    fn test(&mut self, test: &Test, negated: bool) -> Fits {
        self.item(&test.left)?;
        self.push(&operator(test.op, negated))?;
        self.item(&test.right)
    }

    /// A term with nothing around it.
    fn item(&mut self, term: &Term) -> Fits {
        no_comments(&term.leading)?;
        if term.trailing.is_some() {
            return None;
        }
        self.term(term)
    }

    /// A term, whatever stands around it.
    pub(super) fn term(&mut self, term: &Term) -> Fits {
        match &term.kind {
            TermKind::Literal(literal) => self.push(&self.literal(term, literal)),
            TermKind::Range(from, to) => {
                self.item(from)?;
                self.push("..")?;
                self.item(to)
            }
            TermKind::Path(name) => self.push(&path(name)),
            TermKind::Call(name, args) => {
                self.push(&path(name))?;
                self.push("(")?;
                self.items(args)?;
                self.push(")")
            }
            TermKind::List(list) => {
                no_comments(&list.inner_end)?;
                self.push("[")?;
                self.items(&list.items)?;
                self.push("]")
            }
            TermKind::Any => self.push("any"),
            TermKind::All => self.push("all"),
            TermKind::Group(inner) => {
                self.push("(")?;
                self.expr(inner)?;
                self.push(")")
            }
            TermKind::Error => Some(()),
        }
    }

    fn items(&mut self, items: &[Term]) -> Fits {
        for (n, item) in items.iter().enumerate() {
            self.push(if n > 0 { ", " } else { "" })?;
            self.item(item)?;
        }
        Some(())
    }

    /// A literal as the author wrote it, or in its canonical form if nobody did.
    fn literal(&self, term: &Term, literal: &Literal) -> String {
        match self.text {
            Some(text) => span_text(text, term.span).to_owned(),
            None => value(literal),
        }
    }
}

/// `not (x in y)` and `not x in y` are written `x not in y`.
pub(super) fn negation(expr: &Expr) -> Option<&Test> {
    let ExprKind::Not(inner) = &expr.kind else { return None };
    let test = match &inner.kind {
        ExprKind::Test(test) => test,
        ExprKind::Term(Term { kind: TermKind::Group(group), leading, trailing: None, .. }) if leading.is_empty() => {
            match &group.kind {
                ExprKind::Test(test) => test,
                ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Not(_) | ExprKind::Term(_) | ExprKind::Error => {
                    return None;
                }
                ExprKind::Presence { .. } => return None,
            }
        }
        ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Not(_) | ExprKind::Term(_) | ExprKind::Error => return None,
        ExprKind::Presence { .. } => return None,
    };
    (!test.negated && expr_has_negation(test.op) && test.left.leading.is_empty()).then_some(test)
}

/// An operator with the spaces around it.
pub(super) fn operator(op: Op, negated: bool) -> String {
    let text = match op {
        Op::Eq => "==",
        Op::Ne => "!=",
        Op::Lt => "<",
        Op::Le => "<=",
        Op::Gt => ">",
        Op::Ge => ">=",
        Op::In => "in",
        Op::Like => "like",
        Op::Matches => "matches",
        Op::StartsWith => "starts_with",
        Op::EndsWith => "ends_with",
        Op::Contains => "contains",
        Op::ContainsAny => "contains any",
        Op::ContainsAll => "contains all",
    };
    if negated { format!(" not {text} ") } else { format!(" {text} ") }
}

/// A name; header names are lower case.
pub(super) fn path(path: &Path) -> String {
    let mut out = String::new();
    segments(&path.segments, &mut out);
    out
}

fn segments(parts: &[Segment], out: &mut String) {
    let header = matches!(parts.first(), Some(Segment::Name(first)) if first == "header");
    for (n, part) in parts.iter().enumerate() {
        let fold = |name: &str| if header && n == 1 { name.to_ascii_lowercase() } else { name.to_owned() };
        let dot = if n > 0 { "." } else { "" };
        match part {
            Segment::Name(name) => {
                out.push_str(dot);
                out.push_str(&fold(name));
            }
            Segment::Star => {
                out.push_str(dot);
                out.push('*');
            }
            Segment::Key(key) => out.push_str(&format!("[{}]", quoted(&fold(key)))),
            Segment::Index(index) => out.push_str(&format!("[{index}]")),
            Segment::EachIndex => out.push_str("[*]"),
            Segment::PathKey(inner) => {
                out.push('[');
                segments(inner, out);
                out.push(']');
            }
        }
    }
}

/// The canonical form of a literal term without a text to copy it from.
pub(super) fn canonical(term: &Term) -> String {
    match &term.kind {
        TermKind::Literal(literal) => value(literal),
        TermKind::Range(..) | TermKind::Path(_) | TermKind::Call(..) | TermKind::List(_) => String::new(),
        TermKind::Any | TermKind::All | TermKind::Group(_) | TermKind::Error => String::new(),
    }
}

/// A value as a literal.
pub(super) fn value(literal: &Literal) -> String {
    match literal {
        Literal::Str(text) => quoted(text),
        // A back-tick cannot stand in a raw text, and neither can what a reader does not see.
        Literal::Raw(text) if text.contains('`') || raw_problem(text).is_some() => quoted(text),
        Literal::Raw(text) => format!("`{text}`"),
        Literal::Number(number) => {
            let unit = number.unit.map_or("", unit_text);
            number.int.map_or_else(|| format!("{:?}{unit}", number.value), |int| format!("{int}{unit}"))
        }
        Literal::Money(micros) => money_text(*micros),
        Literal::Ip(ip, Some(bits)) => format!("{ip}/{bits}"),
        Literal::Ip(ip, None) => ip.to_string(),
        Literal::Clock(minutes) => format!("{:02}:{:02}", minutes / 60, minutes % 60),
        Literal::StatusClass(digit) => format!("{digit}xx"),
        Literal::Bool(bool) => bool.to_string(),
    }
}

/// `None` if there is a comment among them.
fn no_comments(trivia: &[Trivia]) -> Fits {
    trivia.iter().all(|t| matches!(t, Trivia::Blank)).then_some(())
}

/// Whether a statement has a comment above, inside or behind it.
pub(super) fn has_comments(stmt: &Stmt) -> bool {
    let inside = || match &stmt.kind {
        StmtKind::Node(node) => match &node.block {
            Some(block) => {
                block.opening.is_some()
                    || no_comments(&block.inner_end).is_none()
                    || block.stmts.iter().any(has_comments)
            }
            None => false,
        },
        StmtKind::Error => false,
    };
    let head = match &stmt.kind {
        StmtKind::Node(node) => Line::new(None, usize::MAX).fit(|l| l.head(node)).is_none(),
        StmtKind::Error => false,
    };
    no_comments(&stmt.leading).is_none() || stmt.trailing.is_some() || head || inside()
}
