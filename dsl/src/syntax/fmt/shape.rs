//! A tree as text without places, comments and layout: two trees mean the same exactly if their shapes are equal.
//!
//! What the formatter may change is not in the shape: the case of header names, `not (x in y)` for `x not in y`,
//! the order of imports, whether a block stands on one line.

use super::flat::{negation, operator, path, value};
use super::word;
use crate::syntax::ast::{Expr, ExprKind, File, Joined, Literal, Node, Stmt, StmtKind, Term, TermKind, Test};

/// The shape of a file: one line for each statement at the top.
#[must_use]
pub fn shape(file: &File) -> String {
    let head = file.stmts.iter().take_while(|s| matches!(word(s), "weir" | "team")).count();
    let (top, rest) = file.stmts.split_at_checked(head).unwrap_or((&file.stmts, &[]));
    let (imports, others): (Vec<&Stmt>, Vec<&Stmt>) = rest.iter().partition(|s| word(s) == "import");
    let mut imports: Vec<String> = imports.into_iter().map(stmt).collect();
    imports.sort_unstable();
    let mut lines: Vec<String> = top.iter().map(stmt).collect();
    lines.extend(imports);
    lines.extend(others.into_iter().map(stmt));
    lines.join("\n")
}

fn stmt(stmt: &Stmt) -> String {
    match &stmt.kind {
        StmtKind::Node(inner) => node(inner),
        StmtKind::Error => "<error>".to_owned(),
    }
}

fn node(node: &Node) -> String {
    let mut out = format!("({}", path(&node.word));
    for arg in &node.args {
        out.push(' ');
        out.push_str(&term(arg));
    }
    if let Some(value) = &node.value {
        out.push_str(" = ");
        out.push_str(&expr(value));
    }
    if let Some(when) = &node.when {
        out.push_str(" when ");
        out.push_str(&expr(&when.expr));
    }
    if let Some(block) = &node.block {
        let inner: Vec<String> = block.stmts.iter().map(stmt).collect();
        out.push_str(&format!(" {{{}}}", inner.join(" ")));
    }
    out.push(')');
    out
}

fn expr(e: &Expr) -> String {
    match &e.kind {
        ExprKind::And(members) => joined("and", members),
        ExprKind::Or(members) => joined("or", members),
        ExprKind::Not(inner) => match negation(e) {
            Some(inner) => test(inner, true),
            None => format!("(not {})", expr(inner)),
        },
        ExprKind::Term(inner) => term(inner),
        ExprKind::Test(inner) => test(inner, inner.negated),
        ExprKind::Presence { of, present } => format!("(present {} {present})", term(of)),
        ExprKind::Error => "<error>".to_owned(),
    }
}

fn joined(op: &str, members: &[Joined]) -> String {
    let members: Vec<String> = members.iter().map(|m| expr(&m.expr)).collect();
    format!("({op} {})", members.join(" "))
}

fn test(test: &Test, negated: bool) -> String {
    format!("({}{}{})", term(&test.left), operator(test.op, negated), term(&test.right))
}

/// The shape of a term.
pub(super) fn term(term: &Term) -> String {
    let all = |terms: &[Term]| terms.iter().map(self::term).collect::<Vec<_>>().join(" ");
    match &term.kind {
        TermKind::Literal(Literal::Raw(text)) => format!("raw {text:?}"),
        TermKind::Literal(literal) => value(literal),
        TermKind::Range(from, to) => format!("{}..{}", self::term(from), self::term(to)),
        TermKind::Path(inner) => path(inner),
        TermKind::Call(name, args) => format!("{}({})", path(name), all(args)),
        TermKind::List(list) => format!("[{}]", all(&list.items)),
        TermKind::Any => "any".to_owned(),
        TermKind::All => "all".to_owned(),
        TermKind::Group(inner) => format!("(group {})", expr(inner)),
        TermKind::Error => "<error>".to_owned(),
    }
}
