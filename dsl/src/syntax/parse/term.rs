//! Arguments and operands: literals, ranges, names, calls, lists, groups.

#![expect(clippy::wildcard_enum_match_arm, reason = "every kind of token that is not named is handled alike")]

use nom::Parser;
use nom::combinator::map;

use super::{Parsed, Tokens, Want, expr};
use crate::diag::{Code, Diagnostic};
use crate::span::Span;
use crate::syntax::ast::{List, Path, Term, TermKind};
use crate::syntax::layout::Tok;
use crate::syntax::lex::TokenKind;
use crate::syntax::literal::{literal, segments};

/// Where a term stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// Behind the word of a statement, in a list, in a call: `any` and `all` are values, groups are not.
    Argument,
    /// In a condition: the other way round.
    Operand,
}

/// A term of any form.
pub(super) fn term(place: Place) -> impl FnMut(Tokens<'_>) -> Parsed<'_, Term> {
    move |i| {
        let first = i.peek();
        let single = |kind| Ok((i.skip(1), bare(kind, first.span)));
        match first.kind {
            TokenKind::Path if i.peek_at(1).kind == TokenKind::OpenParen => call(i),
            kind if begins_bound(kind) => range(i),
            TokenKind::OpenBracket => list(i),
            TokenKind::OpenParen if place == Place::Operand => group(i),
            TokenKind::Any if place == Place::Argument => single(TermKind::Any),
            TokenKind::All if place == Place::Argument => single(TermKind::All),
            TokenKind::Bad => single(TermKind::Error),
            _ => {
                i.want(Want::Value);
                i.fail()
            }
        }
    }
}

/// Whether a term can begin with this token.
pub(super) fn begins(kind: TokenKind, place: Place) -> bool {
    let also = match place {
        Place::Argument => matches!(kind, TokenKind::Any | TokenKind::All),
        Place::Operand => kind == TokenKind::OpenParen,
    };
    also || begins_bound(kind) || matches!(kind, TokenKind::OpenBracket | TokenKind::Bad)
}

/// A term without comments around it.
pub(super) fn bare(kind: TermKind, span: Span) -> Term {
    Term { leading: Vec::new(), kind, trailing: None, span }
}

/// The name that the lexer recognised.
pub(super) fn path(i: Tokens<'_>) -> Parsed<'_, Path> {
    let (rest, token) = i.token(TokenKind::Path, Want::Word)?;
    Ok((rest, Path { span: token.span, segments: segments(i.text(token.span)) }))
}

fn begins_bound(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Path
            | TokenKind::Str
            | TokenKind::Raw
            | TokenKind::Number
            | TokenKind::Money
            | TokenKind::Ip
            | TokenKind::Clock
            | TokenKind::Status
            | TokenKind::True
            | TokenKind::False
    )
}

/// A literal or a name.
fn bound(i: Tokens<'_>) -> Parsed<'_, Term> {
    let token = i.peek();
    if token.kind == TokenKind::Path {
        return map(path, |p| bare(TermKind::Path(p), token.span)).parse(i);
    }
    i.want(Want::Value);
    match literal(token.kind, i.text(token.span)) {
        Some(value) => Ok((i.skip(1), bare(TermKind::Literal(value), token.span))),
        None if token.kind == TokenKind::Bad => Ok((i.skip(1), bare(TermKind::Error, token.span))),
        None => i.fail(),
    }
}

/// A bound, or two with `..` between them.
fn range(i: Tokens<'_>) -> Parsed<'_, Term> {
    let (i, from) = bound(i)?;
    if i.kind() != TokenKind::DotDot {
        return Ok((i, from));
    }
    let (i, to) = bound(i.skip(1))?;
    let span = from.span.to(to.span);
    Ok((i, bare(TermKind::Range(Box::new(from), Box::new(to)), span)))
}

/// `name(args)`
fn call(i: Tokens<'_>) -> Parsed<'_, Term> {
    let start = i.peek().span;
    let (i, name) = path(i)?;
    i.deeper(|i| {
        let mut i = i.skip(1);
        let mut args: Vec<Term> = Vec::new();
        while i.kind() != TokenKind::CloseParen || !args.is_empty() {
            let leading = i.comments();
            let (next, mut arg) = term(Place::Argument)(i)?;
            i = next;
            arg.leading = leading;
            arg.trailing = i.trailing();
            let more = i.kind() == TokenKind::Comma;
            if more {
                i = i.skip(1);
                arg.trailing = arg.trailing.or_else(|| i.trailing());
            }
            args.push(arg);
            if !more {
                i.want(Want::Comma);
                break;
            }
        }
        let (i, close) = i.token(TokenKind::CloseParen, Want::CloseParen)?;
        Ok((i, bare(TermKind::Call(name, args), start.to(close.span))))
    })
}

/// `[ … ]`
fn list(i: Tokens<'_>) -> Parsed<'_, Term> {
    i.deeper(|i| {
        let open = i.peek();
        let start = open.span;
        let mut from = start.end;
        let mut i = i.skip(1);
        let mut items = Vec::new();
        loop {
            let leading = i.leading(from);
            if i.kind() == TokenKind::CloseBracket {
                let list = List { items, inner_end: leading };
                return Ok((i.skip(1), bare(TermKind::List(list), start.to(i.peek().span))));
            }
            i.want(Want::CloseBracket);
            let (next, mut item) = term(Place::Argument)(i)?;
            i = next;
            item.leading = leading;
            item.trailing = i.trailing();
            from = item.span.end;
            match i.kind() {
                TokenKind::Comma => {
                    from = i.peek().span.end;
                    i = i.skip(1);
                    item.trailing = item.trailing.or_else(|| i.trailing());
                }
                TokenKind::CloseBracket => {}
                kind if begins(kind, Place::Argument) => missing_comma(i, open, item.span),
                _ => {
                    i.want(Want::Comma);
                    i.want(Want::CloseBracket);
                    return i.fail();
                }
            }
            items.push(item);
        }
    })
}

/// Two items without a comma: said, and read as if it were there.
fn missing_comma(i: Tokens<'_>, open: Tok, before: Span) {
    // The bracket, or a token in the list, is known to be wrong.
    if i.peek().kind == TokenKind::Bad || i.peek().reported > open.reported {
        return;
    }
    let gap = Span::new(before.source, before.end, before.end);
    i.report(
        Diagnostic::new(Code::E0102, i.peek().span, "a `,` is missing between the items of the list")
            .also(before, "behind this one")
            .help(format!("write `{}, {}`", i.text(before), i.text(i.peek().span)))
            .fix(gap, ","),
    );
}

/// `( expr )`
fn group(i: Tokens<'_>) -> Parsed<'_, Term> {
    i.deeper(|i| {
        let start = i.peek().span;
        let (i, inner) = expr::expr(i.skip(1), expr::Where::Group)?;
        let (i, close) = i.token(TokenKind::CloseParen, Want::CloseParen)?;
        Ok((i, bare(TermKind::Group(Box::new(inner)), start.to(close.span))))
    })
}
