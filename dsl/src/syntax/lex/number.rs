//! Bare values that begin with a digit, `$` or a colon: addresses, clock times, status classes, money, numbers.
//!
//! The order of the attempts is that of `language.md` §2: IPv6, IPv4, clock, status, money, number.

use nom::IResult;
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_while};
use nom::character::complete::{char, digit1, one_of, satisfy};
use nom::combinator::{opt, recognize};
use nom::error::ErrorKind;
use nom::multi::fold_many0;

use super::{Lexed, Lexeme, TokenKind, strange};
use crate::diag::Code;
use crate::syntax::literal;
use crate::syntax::problem::{Problem, excerpt};

/// No address is longer; looking further would make a long chain of names and dots quadratic.
const ADDRESS_BYTES_MAX: usize = 64;

/// Any bare value.
pub(super) fn value(rest: &str) -> Lexed<'_> {
    if let Ok(found) = address6(rest) {
        return Ok(found);
    }
    let shape = alt((
        recognize_as(TokenKind::Ip, address4_shape),
        recognize_as(TokenKind::Clock, clock_shape),
        recognize_as(TokenKind::Status, status_shape),
        recognize_as(TokenKind::Money, money_shape),
        recognize_as(TokenKind::Number, number_shape),
    ))
    .parse(rest);
    let Ok((after, (kind, text))) = shape else {
        let first = rest.chars().next().unwrap_or_default();
        return Ok(strange::anything(rest, first));
    };
    if let Some(end) = stuck_end(text.len(), after) {
        return Ok(stuck(rest, kind, end));
    }
    Ok((after, checked(kind, text)))
}

/// Two or more colons among hexadecimal digits: an IPv6 address or network, or a mistake.
pub(super) fn address6(rest: &str) -> Lexed<'_> {
    let refused = || nom::Err::Error(nom::error::Error::new(rest, ErrorKind::Verify));
    let inside = |b: &u8| b.is_ascii_hexdigit() || matches!(b, b':' | b'.');
    let run = rest.bytes().take(ADDRESS_BYTES_MAX).take_while(inside).count();
    let run = rest.get(..run).unwrap_or_default();
    let run = run.find("..").and_then(|dots| run.get(..dots)).unwrap_or(run);
    if run.bytes().filter(|b| *b == b':').count() < 2 {
        return Err(refused());
    }
    let after = rest.get(run.len()..).unwrap_or_default();
    let (after, _) = opt((char('/'), digit1::<&str, nom::error::Error<&str>>)).parse(after)?;
    let taken = rest.len() - after.len();
    if let Some(end) = stuck_end(taken, after) {
        return Ok(stuck(rest, TokenKind::Ip, end));
    }
    Ok((after, checked(TokenKind::Ip, rest.get(..taken).unwrap_or_default())))
}

/// A token of that shape whose value was looked at.
fn checked(kind: TokenKind, text: &str) -> Lexeme {
    match literal::check(kind, text) {
        Ok(()) => Lexeme { kind, problem: None },
        Err(problem) => Lexeme { kind: TokenKind::Bad, problem: Some(problem) },
    }
}

fn recognize_as<'a>(
    kind: TokenKind,
    shape: impl Fn(&'a str) -> IResult<&'a str, &'a str>,
) -> impl Parser<&'a str, Output = (TokenKind, &'a str), Error = nom::error::Error<&'a str>> {
    move |rest: &'a str| shape(rest).map(|(after, text)| (after, (kind, text)))
}

/// Digits with single `_` between them.
fn digits(rest: &str) -> IResult<&str, &str> {
    recognize((digit1, fold_many0((char('_'), digit1), || (), |(), _| ()))).parse(rest)
}

/// `10.0.0.0/8`, and anything else with two dots between digits.
fn address4_shape(rest: &str) -> IResult<&str, &str> {
    let more = (char('.'), digit1);
    let tail = (char('.'), digit1);
    recognize((digit1, more, tail, fold_many0((char('.'), digit1), || (), |(), _| ()), opt((char('/'), digit1))))
        .parse(rest)
}

fn clock_shape(rest: &str) -> IResult<&str, &str> {
    recognize((digit1, char(':'), digit1)).parse(rest)
}

fn status_shape(rest: &str) -> IResult<&str, &str> {
    recognize((satisfy(|c| c.is_ascii_digit()), tag("xx"))).parse(rest)
}

fn money_shape(rest: &str) -> IResult<&str, &str> {
    recognize((char('$'), digits, opt((char('.'), digits)), opt(one_of("kMG")))).parse(rest)
}

fn number_shape(rest: &str) -> IResult<&str, &str> {
    let unit = alt((tag("%"), take_while(|c: char| c.is_ascii_alphanumeric())));
    recognize((opt(char('-')), digits, opt((char('.'), digits)), unit)).parse(rest)
}

/// Where the word ends that a value is stuck to; `None` if the value ends where it should.
fn stuck_end(taken: usize, after: &str) -> Option<usize> {
    let mut next = after.chars();
    let (first, second) = (next.next()?, next.next().unwrap_or(' '));
    let stuck = match first {
        '_' | '%' | '@' => true,
        '.' => second != '.',
        ':' | '-' | '/' => !second.is_whitespace(),
        other => other.is_alphanumeric(),
    };
    stuck.then(|| taken + strange::word_len(after))
}

/// A value with something stuck to it.
fn stuck(rest: &str, kind: TokenKind, end: usize) -> (&str, Lexeme) {
    let word = rest.get(..end).unwrap_or_default();
    let shown = excerpt(word);
    let port = kind == TokenKind::Ip && word.bytes().filter(|b| *b == b':').count() == 1;
    let right = literal::quoted(word);
    let (what, label) = if port {
        ("an address with a port is a text", "")
    } else if kind == TokenKind::Ip {
        ("this is no address", "addresses are `10.0.0.0/8` or `2001:db8::/32`, without zone")
    } else if kind == TokenKind::Number && word.contains(|c: char| c.is_alphabetic()) {
        ("a name begins with a letter", "not with a digit")
    } else {
        ("this is no number, time, address or amount", "")
    };
    let problem = Problem::new(Code::E0108, 0..end, format!("{what}: `{shown}`"))
        .label(label)
        .help(format!("if it is a text, write `{}`", excerpt(&right)))
        .replace(right);
    (rest.get(end..).unwrap_or_default(), Lexeme { kind: TokenKind::Bad, problem: Some(problem) })
}
