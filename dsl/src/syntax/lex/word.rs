//! Names: `client.team`, `header["X.Y"]`, `body.tools[*].type`, `tenants[client.tenant].pool`, and the reserved words.

use nom::IResult;
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_while};
use nom::character::complete::{char, digit1, satisfy};
use nom::combinator::{peek, recognize, verify};
use nom::error::ErrorKind;
use nom::multi::fold_many0;
use nom::sequence::{delimited, preceded};

use super::{Lexed, Lexeme, TokenKind, quote, strange, unicode};
use crate::diag::Code;
use crate::syntax::literal;
use crate::syntax::problem::{Problem, excerpt};

/// A key inside a key inside a key …: `a[b[c]]`.
const KEY_DEPTH_MAX: u32 = 4;
/// Characters of something that is no key that a message repeats.
const KEY_SHOWN_MAX: usize = 40;

/// A name or a reserved word.
pub(super) fn word(rest: &str) -> Lexed<'_> {
    let (after, path) = recognize_path(rest, 0)?;
    if let Some(end) = strange::unquoted_end(rest, after) {
        return Ok(strange::unquoted(rest, end));
    }
    if let Some(c) = after.chars().next().filter(|c| c.is_alphanumeric()) {
        return Ok(unicode::name(rest, c));
    }
    if quote::lost_opener(after) {
        return Ok(quote::without_opener(rest, path));
    }
    let kind = reserved(path).unwrap_or(TokenKind::Path);
    let glued = after.starts_with('[') && kind == TokenKind::Path;
    let problem = glued.then(|| key_problem(path, after));
    if after.starts_with('.') && !after.starts_with("..") {
        return Ok(strange::dangling_dot(rest, path));
    }
    if path.contains('"')
        && let Err(problem) = literal::check_keys(path, unicode::in_string)
    {
        return Ok((after, Lexeme { kind: TokenKind::Bad, problem: Some(problem) }));
    }
    Ok((after, Lexeme { kind, problem }))
}

/// The reserved word of exactly this text.
pub(in crate::syntax) fn reserved(text: &str) -> Option<TokenKind> {
    Some(match text {
        "when" => TokenKind::When,
        "and" => TokenKind::And,
        "or" => TokenKind::Or,
        "not" => TokenKind::Not,
        "in" => TokenKind::In,
        "like" => TokenKind::Like,
        "matches" => TokenKind::Matches,
        "contains" => TokenKind::Contains,
        "starts_with" => TokenKind::StartsWith,
        "ends_with" => TokenKind::EndsWith,
        "is" => TokenKind::Is,
        "present" => TokenKind::Present,
        "absent" => TokenKind::Absent,
        "any" => TokenKind::Any,
        "all" => TokenKind::All,
        "true" => TokenKind::True,
        "false" => TokenKind::False,
        _ => return None,
    })
}

/// Where the name at the start of a text ends; `None` if there is none.
pub(in crate::syntax) fn path_end(text: &str) -> Option<usize> {
    recognize_path(text, 0).ok().map(|(after, _)| text.len() - after.len())
}

/// `seg { "." seg | "[" key "]" }`
fn recognize_path(rest: &str, depth: u32) -> IResult<&str, &str> {
    let (after, first) = segment(rest)?;
    // `in[1, 2]` is an operator and a list, not a name with a key.
    if reserved(first).is_some() && after.starts_with('[') {
        return Ok((after, first));
    }
    let dotted = preceded((char('.'), peek(satisfy(|c| c != '.'))), segment);
    let keyed = delimited(char('['), move |i| key(i, depth), char(']'));
    let (after, ()) = fold_many0(alt((dotted, keyed)), || (), |(), _| ()).parse(after)?;
    let taken = rest.len() - after.len();
    Ok((after, rest.get(..taken).unwrap_or_default()))
}

/// `[A-Za-z_][A-Za-z0-9_-]*` or `*`
fn segment(rest: &str) -> IResult<&str, &str> {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    let more = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    alt((tag("*"), recognize((satisfy(letter), take_while(more))))).parse(rest)
}

/// A string, an integer, `*` or a dotted path.
fn key(rest: &str, depth: u32) -> IResult<&str, &str> {
    if depth >= KEY_DEPTH_MAX {
        return Err(nom::Err::Error(nom::error::Error::new(rest, ErrorKind::TooLarge)));
    }
    let index = verify(digit1, |d: &str| d.parse::<u32>().is_ok());
    alt((quote::closed_string, index, move |i| recognize_path(i, depth + 1))).parse(rest)
}

/// A `[` directly behind a name that does not hold a key.
fn key_problem(path: &str, after: &str) -> Problem {
    // Only as much as is shown: a line of opening brackets must not be read again for each of them.
    let end = after.char_indices().take(KEY_SHOWN_MAX).take_while(|(_, c)| !matches!(c, '\n' | ']')).last();
    let shown = after.get(..end.map_or(0, |(at, c)| at + c.len_utf8())).unwrap_or_default();
    Problem::new(
        Code::E0108,
        path.len()..path.len(),
        format!("`{}` is no key of `{}`", excerpt(shown), excerpt(path)),
    )
    .label("a key is a text, a number, `*` or a name")
    .help(format!("for a list put a space before it: `{} {}]`", excerpt(path), excerpt(shown)))
    .replace(" ")
}
