//! `# allow W0303: reason`: a warning that somebody has looked at.
//!
//! The comment stands above a statement and covers what is reported inside it, or above a line of a condition and
//! covers that line's part. Errors cannot be allowed; an `allow` that allows nothing is `W0009`.

use crate::diag::{Code, Diagnostic, Severity};
use crate::span::Span;
use crate::syntax::ast::{Comment, Expr, ExprKind, File, Joined, Stmt, StmtKind, Term, TermKind, Trivia};

/// One `allow` comment and the part of the file that it covers.
struct Allow<'a> {
    comment: &'a Comment,
    covers: Span,
    used: bool,
}

/// Takes out what is allowed, adds `W0009` for the rest.
pub(super) fn apply(file: &File, problems: &mut Vec<Diagnostic>) {
    let mut allows = Vec::new();
    for stmt in &file.stmts {
        in_stmt(stmt, &mut allows);
    }
    for trivia in &file.end {
        note(trivia, Span::default(), &mut allows);
    }
    if allows.is_empty() {
        return;
    }
    let mut extra = Vec::new();
    let wanted: Vec<_> = allows.iter().map(|a| parse(&a.comment.text)).collect();
    problems.retain(|problem| {
        let mut hit = false;
        for (allow, wanted) in allows.iter_mut().zip(&wanted) {
            let right = matches!(wanted, Ok(code) if *code == problem.code) && problem.severity == Severity::Warning;
            if right && inside(allow.covers, problem.primary.span) {
                allow.used = true;
                hit = true;
            }
        }
        !hit
    });
    for (allow, wanted) in allows.iter().zip(&wanted).filter(|(a, _)| !a.used) {
        extra.push(unused(allow.comment, wanted));
    }
    problems.append(&mut extra);
}

fn unused(comment: &Comment, wanted: &Result<Code, &'static str>) -> Diagnostic {
    let message = match wanted {
        Ok(code) if code.severity() == Severity::Error => {
            format!("`{}` is an error, and errors cannot be allowed", code.text())
        }
        Ok(code) => format!("nothing here is `{}`", code.text()),
        Err(why) => (*why).to_owned(),
    };
    Diagnostic::new(Code::W0009, comment.span, message)
        .label("this comment allows nothing")
        .help("take it out, or write `# allow W0303: the reason` above the statement")
}

/// The code of `# allow CODE: reason`.
fn parse(text: &str) -> Result<Code, &'static str> {
    let rest = text.trim_start_matches('#').trim().strip_prefix("allow").unwrap_or_default();
    let (code, reason) = rest.split_once(':').unwrap_or((rest, ""));
    let code = Code::parse(code.trim()).ok_or("there is no such code")?;
    if reason.trim().is_empty() { Err("an `allow` says why: `# allow CODE: the reason`") } else { Ok(code) }
}

/// Whether a comment is meant as an `allow`: `allow` and something like a code.
fn is_allow(text: &str) -> bool {
    let rest = text.trim_start_matches('#').trim().strip_prefix("allow ").map(str::trim_start);
    let word = rest.and_then(|r| r.split([':', ' ']).next()).unwrap_or_default();
    word.len() == 5 && word.starts_with(['W', 'E', 'w', 'e']) && word.chars().skip(1).all(|c| c.is_ascii_digit())
}

fn inside(outer: Span, inner: Span) -> bool {
    outer.source == inner.source && outer.start <= inner.start && inner.start < outer.end
}

fn note<'a>(trivia: &'a Trivia, covers: Span, allows: &mut Vec<Allow<'a>>) {
    if let Trivia::Comment(comment) = trivia
        && is_allow(&comment.text)
    {
        allows.push(Allow { comment, covers, used: false });
    }
}

fn notes<'a>(trivia: &'a [Trivia], covers: Span, allows: &mut Vec<Allow<'a>>) {
    for one in trivia {
        note(one, covers, allows);
    }
}

fn in_stmt<'a>(stmt: &'a Stmt, allows: &mut Vec<Allow<'a>>) {
    notes(&stmt.leading, stmt.span, allows);
    let StmtKind::Node(node) = &stmt.kind else { return };
    for term in &node.args {
        in_term(term, allows);
    }
    if let Some(value) = &node.value {
        in_expr(value, allows);
    }
    if let Some(when) = &node.when {
        notes(&when.leading, when.expr.span, allows);
        in_expr(&when.expr, allows);
    }
    if let Some(block) = &node.block {
        for stmt in &block.stmts {
            in_stmt(stmt, allows);
        }
        notes(&block.inner_end, Span::default(), allows);
    }
}

fn in_joined<'a>(parts: &'a [Joined], allows: &mut Vec<Allow<'a>>) {
    for part in parts {
        notes(&part.leading, part.expr.span, allows);
        in_expr(&part.expr, allows);
    }
}

fn in_expr<'a>(expr: &'a Expr, allows: &mut Vec<Allow<'a>>) {
    match &expr.kind {
        ExprKind::And(parts) | ExprKind::Or(parts) => in_joined(parts, allows),
        ExprKind::Not(inner) => in_expr(inner, allows),
        ExprKind::Term(term) => in_term(term, allows),
        ExprKind::Test(test) => {
            in_term(&test.left, allows);
            in_term(&test.right, allows);
        }
        ExprKind::Presence { of, .. } => in_term(of, allows),
        ExprKind::Error => {}
    }
}

fn in_term<'a>(term: &'a Term, allows: &mut Vec<Allow<'a>>) {
    notes(&term.leading, term.span, allows);
    match &term.kind {
        TermKind::Group(inner) => in_expr(inner, allows),
        TermKind::List(list) => {
            for item in &list.items {
                in_term(item, allows);
            }
        }
        TermKind::Literal(_)
        | TermKind::Range(..)
        | TermKind::Path(_)
        | TermKind::Call(..)
        | TermKind::Any
        | TermKind::All
        | TermKind::Error => {}
    }
}
