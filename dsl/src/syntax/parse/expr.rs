//! Conditions: `and`, `or`, `not`, tests.

#![expect(clippy::wildcard_enum_match_arm, reason = "every kind of token that is not named is handled alike")]

use nom::Parser;
use nom::combinator::cut;

use super::term::{Place, begins, term};
use super::{Parsed, Tokens, Want, blame};
use crate::span::Span;
use crate::syntax::ast::{Expr, ExprKind, Joined, Op, Term, Test, Trivia};
use crate::syntax::lex::TokenKind;

/// Where an expression stands; inside of parentheses comments can stand before its first word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Where {
    Statement,
    Group,
}

/// A hole.
pub(super) fn hole(span: Span) -> Expr {
    Expr { kind: ExprKind::Error, span }
}

/// One test, or several joined by `and` or by `or`, never by both.
pub(super) fn expr(i: Tokens<'_>, place: Where) -> Parsed<'_, Expr> {
    let leading = if place == Where::Group { i.comments() } else { Vec::new() };
    let (mut i, first) = unary(i)?;
    let joins = |kind| matches!(kind, TokenKind::And | TokenKind::Or);
    if !joins(i.kind()) {
        i.want(Want::Join);
        return Ok((i, with_leading(first, leading)));
    }
    let start = first.span;
    let mut members = vec![Joined { leading, expr: first, trailing: None }];
    let mut ops = Vec::new();
    while joins(i.kind()) {
        if let Some(last) = members.last_mut() {
            last.trailing = i.trailing();
        }
        let mut leading = i.comments();
        ops.push(i.peek());
        i = i.skip(1);
        leading.extend(i.comments());
        let (next, expr) = cut(unary).parse(i)?;
        members.push(Joined { leading, expr, trailing: None });
        i = next;
    }
    if let Some(last) = members.last_mut().filter(|_| place == Where::Group) {
        last.trailing = i.trailing();
    }
    i.want(Want::Join);
    let span = members.last().map_or(start, |m| start.to(m.expr.span));
    let op = ops.first().map(|t| t.kind);
    if let Some(odd) = ops.iter().find(|t| Some(t.kind) != op) {
        i.report(blame::mixed(i, odd.span, &members, &ops));
        return Ok((i, hole(span)));
    }
    let kind = if op == Some(TokenKind::And) { ExprKind::And(members) } else { ExprKind::Or(members) };
    Ok((i, Expr { kind, span }))
}

/// Puts comments before the first operand of an expression that is no chain.
fn with_leading(mut expr: Expr, leading: Vec<Trivia>) -> Expr {
    if let Some(term) = first_operand(&mut expr) {
        term.leading = leading;
    }
    expr
}

/// The leftmost operand; none in a chain, whose members keep their own comments, and in a hole.
fn first_operand(expr: &mut Expr) -> Option<&mut Term> {
    match &mut expr.kind {
        ExprKind::Not(inner) => first_operand(inner),
        ExprKind::Term(term) | ExprKind::Presence { of: term, .. } => Some(term),
        ExprKind::Test(test) => Some(&mut test.left),
        ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Error => None,
    }
}

/// `not` any number of times, then a test.
fn unary(i: Tokens<'_>) -> Parsed<'_, Expr> {
    let token = i.peek();
    if token.kind != TokenKind::Not {
        return test(i);
    }
    i.deeper(|i| {
        let (i, inner) = cut(unary).parse(i.skip(1))?;
        let span = token.span.to(inner.span);
        Ok((i, Expr { kind: ExprKind::Not(Box::new(inner)), span }))
    })
}

/// An operand, alone or with an operator behind it.
fn test(i: Tokens<'_>) -> Parsed<'_, Expr> {
    if !begins(i.kind(), Place::Operand) {
        i.want(Want::Condition);
        return i.fail();
    }
    let (i, left) = term(Place::Operand)(i)?;
    let token = i.peek();
    let (negated, kind, operator) = match token.kind {
        TokenKind::Not => (true, i.peek_at(1).kind, i.skip(1)),
        kind => (false, kind, i),
    };
    if kind == TokenKind::Is {
        return if negated { operator.fail_with(blame::negated(operator)) } else { presence(i, left) };
    }
    let Some((op, taken)) = operator_of(operator) else {
        return no_operator(i, left, negated, operator);
    };
    if negated && !has_negation(op) {
        return operator.fail_with(blame::negated(operator));
    }
    if kind == TokenKind::Assign {
        i.report(blame::assigns(i, &left));
    }
    let last = operator.peek_at(taken - 1);
    let op_span = token.span.to(last.span);
    let (i, right) = cut(term(Place::Operand)).parse(operator.skip(taken))?;
    if let Some((_, _)) = operator_of(i).filter(|_| is_comparison(i.kind())) {
        return i.fail_with(blame::chained(i, &left, &right));
    }
    let span = left.span.to(right.span);
    let test = Test { left, op, negated, op_span, right };
    Ok((i, Expr { kind: ExprKind::Test(Box::new(test)), span }))
}

/// `left is present`
fn presence(i: Tokens<'_>, left: Term) -> Parsed<'_, Expr> {
    let word = i.skip(1);
    let present = match word.kind() {
        TokenKind::Present => true,
        TokenKind::Absent => false,
        _ => return word.fail_with(blame::is_what(word, i.peek().span, &left)),
    };
    let span = left.span.to(word.peek().span);
    Ok((word.skip(1), Expr { kind: ExprKind::Presence { of: left, present }, span }))
}

/// The operand stands alone, or something stands behind it that is no operator.
fn no_operator<'a>(i: Tokens<'a>, left: Term, negated: bool, operator: Tokens<'a>) -> Parsed<'a, Expr> {
    if negated {
        return operator.fail_with(blame::negated(operator));
    }
    i.want(Want::Operator);
    if begins(i.kind(), Place::Operand) && i.kind() != TokenKind::Bad {
        return i.fail_with(blame::operator(i, &left));
    }
    let span = left.span;
    Ok((i, Expr { kind: ExprKind::Term(left), span }))
}

/// The operator at the next token, and how many tokens it takes. `=` counts as the `==` that was meant.
fn operator_of(i: Tokens<'_>) -> Option<(Op, usize)> {
    Some(match i.kind() {
        TokenKind::Eq | TokenKind::Assign => (Op::Eq, 1),
        TokenKind::Ne => (Op::Ne, 1),
        TokenKind::Lt => (Op::Lt, 1),
        TokenKind::Le => (Op::Le, 1),
        TokenKind::Gt => (Op::Gt, 1),
        TokenKind::Ge => (Op::Ge, 1),
        TokenKind::In => (Op::In, 1),
        TokenKind::Like => (Op::Like, 1),
        TokenKind::Matches => (Op::Matches, 1),
        TokenKind::StartsWith => (Op::StartsWith, 1),
        TokenKind::EndsWith => (Op::EndsWith, 1),
        TokenKind::Contains => match i.peek_at(1).kind {
            TokenKind::Any => (Op::ContainsAny, 2),
            TokenKind::All => (Op::ContainsAll, 2),
            _ => (Op::Contains, 1),
        },
        _ => return None,
    })
}

/// Whether `x not OP y` can be written.
pub(in crate::syntax) fn has_negation(op: Op) -> bool {
    match op {
        Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge => false,
        Op::In | Op::Like | Op::Matches | Op::StartsWith | Op::EndsWith => true,
        Op::Contains | Op::ContainsAny | Op::ContainsAll => true,
    }
}

fn is_comparison(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Eq
            | TokenKind::Assign
            | TokenKind::Ne
            | TokenKind::Lt
            | TokenKind::Le
            | TokenKind::Gt
            | TokenKind::Ge
    )
}
