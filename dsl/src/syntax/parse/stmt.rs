//! Statements and blocks, and going on after one that does not parse.

#![expect(clippy::wildcard_enum_match_arm, reason = "every kind of token that is not named is handled alike")]

use super::term::{Place, bare, begins, path, term};
use super::{Failure, Parsed, Tokens, Want, blame, expr};
use crate::diag::{Code, Diagnostic};
use crate::span::Span;
use crate::syntax::ast::{Block, File, Literal, Node, Stmt, StmtKind, TermKind, When};
use crate::syntax::lex::TokenKind;

/// Whether statements stand at the top of the file or in a block.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Level {
    Top,
    Block,
}

/// The whole file.
pub(super) fn file(i: Tokens<'_>) -> File {
    let (i, stmts, from) = stmts(i, Level::Top, 0);
    check_edition(i, &stmts);
    File { end: i.leading(from), stmts, broken: false }
}

/// Statements up to `}` or the end of the file; also the place where the last one ended.
fn stmts(mut i: Tokens<'_>, level: Level, mut from: u32) -> (Tokens<'_>, Vec<Stmt>, u32) {
    let mut out: Vec<Stmt> = Vec::new();
    loop {
        match i.kind() {
            TokenKind::Newline => i = i.skip(1),
            TokenKind::Semicolon => i = semicolon(i, level, out.last()),
            TokenKind::End | TokenKind::CloseBrace => return (i, out, from),
            _ => {
                let before = i.rest.len();
                let (next, stmt) = stmt(i, from);
                from = from.max(stmt.span.end);
                out.push(stmt);
                // INVARIANT: a statement takes at least one token, so the loop ends.
                i = if next.rest.len() < before { next } else { i.skip(1) };
            }
        }
    }
}

/// A `;`: right between two statements of a block that stand on one line.
fn semicolon<'a>(i: Tokens<'a>, level: Level, last: Option<&Stmt>) -> Tokens<'a> {
    let (after, span) = (i.skip(1), i.peek().span);
    let ends = matches!(after.kind(), TokenKind::Newline | TokenKind::CloseBrace | TokenKind::End);
    let double = last.is_none_or(|l| {
        !i.session.text.get(to_index(l.span.end)..to_index(span.start)).is_some_and(|t| t.trim().is_empty())
    });
    if ends || double {
        i.report(
            Diagnostic::new(Code::E0118, span, "this `;` separates nothing")
                .label("the end of the line or `}` ends the statement")
                .help("delete it")
                .fix(span, ""),
        );
    } else if level == Level::Top {
        i.report(
            Diagnostic::new(Code::E0117, span, "at the top of a file every statement has a line of its own")
                .help("replace `;` with a line break")
                .fix(span, "\n"),
        );
    }
    after
}

/// One statement with what stands around it. It always takes something.
fn stmt(i: Tokens<'_>, from: u32) -> (Tokens<'_>, Stmt) {
    let leading = i.leading(from);
    let start = i;
    let (i, kind) = match begin(i) {
        Ok((i, node)) => with_head(start, i, node),
        Err(nom::Err::Error(failure) | nom::Err::Failure(failure)) => {
            complain(start, failure);
            without_head(start)
        }
        Err(nom::Err::Incomplete(_)) => without_head(start),
    };
    let end = last_end(start, i);
    let trailing = i.line_comment(end);
    let span = Span::new(start.peek().span.source, start.peek().span.start, end);
    (i, Stmt { leading, kind, trailing, span })
}

/// The word of a statement.
fn begin(i: Tokens<'_>) -> Parsed<'_, Node> {
    if let Some(problem) = blame::foreign_statement(i) {
        return i.fail_with(problem);
    }
    let (i, word) = path(i)?;
    Ok((i, Node { word, args: Vec::new(), value: None, when: None, block: None }))
}

/// The rest of a statement whose word was read.
fn with_head<'a>(start: Tokens<'a>, i: Tokens<'a>, mut node: Node) -> (Tokens<'a>, StmtKind) {
    let mut i = match head(i, &mut node) {
        Ok((i, ())) => i,
        Err(nom::Err::Error(failure) | nom::Err::Failure(failure)) => {
            let at = failed_at(start, &failure).peek().span;
            complain(start, failure);
            if node.value.is_none() && node.when.is_none() {
                node.args.push(bare(TermKind::Error, at));
            }
            recover(start)
        }
        Err(nom::Err::Incomplete(_)) => recover(start),
    };
    if i.kind() == TokenKind::OpenBrace {
        let (next, block) = block(i);
        i = after_block(next, block.span);
        node.block = Some(block);
    }
    (i, StmtKind::Node(Box::new(node)))
}

/// A statement without a word: its block is read for the mistakes in it.
fn without_head(start: Tokens<'_>) -> (Tokens<'_>, StmtKind) {
    let mut i = recover(start);
    if i.kind() == TokenKind::OpenBrace {
        let (next, block) = block(i);
        i = after_block(next, block.span);
    }
    (i, StmtKind::Error)
}

/// `{ arg } , [ "=" expr ] , [ "when" expr ]`, up to what has to follow.
fn head<'a>(mut i: Tokens<'a>, node: &mut Node) -> Parsed<'a, ()> {
    while begins(i.kind(), Place::Argument) {
        if let Some(problem) = blame::foreign_argument(i, node) {
            return i.fail_with(problem);
        }
        let (next, arg) = term(Place::Argument)(i)?;
        node.args.push(arg);
        i = next;
    }
    i.want(Want::Value);
    i.want(Want::Assign);
    if i.kind() == TokenKind::Eq && blame::declares(i, node) {
        i.report(blame::compares(i));
    } else if i.kind() != TokenKind::Assign {
        return condition(i, node);
    }
    node.value = Some(expr::hole(i.peek().span));
    let (i, value) = expr::expr(i.skip(1), expr::Where::Statement)?;
    node.value = Some(value);
    condition(i, node)
}

/// `[ "when" expr ]`, up to what has to follow.
fn condition<'a>(mut i: Tokens<'a>, node: &mut Node) -> Parsed<'a, ()> {
    i.want(Want::When);
    if i.kind() == TokenKind::When {
        let keyword = i.peek().span;
        let leading = i.comments();
        node.when = Some(When { keyword, leading, expr: expr::hole(keyword) });
        let (next, condition) = expr::expr(i.skip(1), expr::Where::Statement)?;
        if let Some(when) = &mut node.when {
            when.expr = condition;
        }
        i = next;
    }
    i.want(Want::Block);
    i.want(Want::End);
    match i.kind() {
        TokenKind::OpenBrace | TokenKind::Newline | TokenKind::Semicolon | TokenKind::CloseBrace | TokenKind::End => {
            Ok((i, ()))
        }
        _ => i.fail(),
    }
}

/// `{ … }`; layout has made sure that it is closed.
fn block(i: Tokens<'_>) -> (Tokens<'_>, Block) {
    let open = i.peek();
    let inside = i.skip(1);
    let parsed = i.deeper(|_| {
        let opening = inside.line_comment(open.span.end);
        let (i, stmts, from) = stmts(inside, Level::Block, open.span.end);
        let inner_end = i.leading(from);
        let close = i.peek();
        let one_line = open.line == close.line;
        Ok((i.skip(1), Block { span: open.span.to(close.span), one_line, opening, stmts, inner_end }))
    });
    parsed.unwrap_or_else(|e| {
        if let nom::Err::Error(failure) | nom::Err::Failure(failure) = e {
            complain(i, failure);
        }
        let i = over_group(i);
        let empty =
            Block { span: open.span, one_line: true, opening: None, stmts: Vec::new(), inner_end: Vec::new() };
        (i, empty)
    })
}

/// What follows a block on its line: nothing, or a mistake.
fn after_block(i: Tokens<'_>, block: Span) -> Tokens<'_> {
    match i.kind() {
        TokenKind::Newline | TokenKind::Semicolon | TokenKind::CloseBrace | TokenKind::End => i,
        TokenKind::Path => {
            if blame::foreign_statement(i).is_none() {
                i.report(blame::same_line(i, block));
            }
            i
        }
        _ => {
            i.report(blame::behind_block(i, block));
            let mut i = recover(i);
            while i.kind() == TokenKind::OpenBrace {
                i = recover(over_group(i));
            }
            i
        }
    }
}

// --- going on -----------------------------------------------------------------------------------------------

/// The end of the head that begins here: the next `{`, line break, `;` or `}` at the same depth.
fn recover(mut i: Tokens<'_>) -> Tokens<'_> {
    loop {
        match i.kind() {
            TokenKind::OpenBrace
            | TokenKind::Newline
            | TokenKind::Semicolon
            | TokenKind::CloseBrace
            | TokenKind::End => return i,
            _ => i = over_group(i),
        }
    }
}

/// Behind the next token, or behind the group that it opens.
fn over_group(i: Tokens<'_>) -> Tokens<'_> {
    i.skip(1 + usize::try_from(i.peek().partner).unwrap_or(0))
}

/// Where in the statement that begins at `start` a parser failed.
fn failed_at<'a>(start: Tokens<'a>, failure: &Failure) -> Tokens<'a> {
    start.skip(start.rest.len().saturating_sub(failure.left))
}

/// Reports a failure, unless a token before it in the statement, or itself, was reported already.
fn complain(start: Tokens<'_>, failure: Failure) {
    let at = failed_at(start, &failure);
    let known = at.peek().reported > start.peek().reported || at.kind() == TokenKind::Bad;
    if known {
        return;
    }
    let problem = failure.problem.map_or_else(|| blame::unexpected(start, at), |p| *p);
    at.report(problem);
}

/// The end of the last token between two places.
fn last_end(start: Tokens<'_>, now: Tokens<'_>) -> u32 {
    let taken = start.rest.len().saturating_sub(now.rest.len());
    start.rest.get(taken.saturating_sub(1)).map_or(start.peek().span.end, |t| t.span.end)
}

/// E0110: the first statement is `weir 1`.
fn check_edition(i: Tokens<'_>, stmts: &[Stmt]) {
    let first = stmts.first();
    let word = |s: &Stmt| matches!(&s.kind, StmtKind::Node(node) if i.text(node.word.span) == "weir");
    let known = first.is_some_and(|s| match &s.kind {
        StmtKind::Node(node) => match node.args.as_slice() {
            [edition] => {
                matches!(&edition.kind, TermKind::Literal(Literal::Number(n)) if n.int == Some(1) && n.unit.is_none())
            }
            _ => false,
        },
        StmtKind::Error => false,
    });
    let elsewhere = stmts.iter().skip(1).find(|s| word(s)).map(|s| s.span);
    match first {
        Some(stmt) if word(stmt) && known => {}
        Some(stmt) if word(stmt) => i.report(
            Diagnostic::new(
                Code::E0110,
                stmt.span,
                format!("`{}` names no known edition", blame::shown(i, stmt.span)),
            )
            .help("write `weir 1`"),
        ),
        _ => i.report(blame::no_edition(i, first.map(|s| s.span), elsewhere)),
    }
}

fn to_index(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
