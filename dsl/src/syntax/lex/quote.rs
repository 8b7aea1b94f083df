//! Texts: `"…"` with escapes, `` `…` `` without, and the quotes of other languages.

use nom::IResult;
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, take, take_while1};
use nom::character::complete::char;
use nom::combinator::recognize;
use nom::error::{Error, ErrorKind};
use nom::multi::fold_many0;
use nom::sequence::{delimited, preceded};

use super::{Lexed, Lexeme, TokenKind, unicode};
use crate::diag::Code;
use crate::syntax::literal;
use crate::syntax::problem::{Problem, excerpt};

/// How far a line is looked at for a second quote.
const LINE_CHARS_MAX: usize = 500;
/// How far a line is looked at to count its quotes.
const LINE_BYTES_MAX: usize = 500;

/// `"…"` that ends on its line, quotes included; what is between them is not looked at.
pub(super) fn closed_string(rest: &str) -> IResult<&str, &str> {
    let plain = take_while1(|c| c != '"' && c != '\\' && c != '\n');
    let escape = preceded(char('\\'), nom::combinator::verify(take(1_usize), |c: &str| c != "\n"));
    recognize(delimited(char('"'), fold_many0(alt((plain, escape)), || (), |(), _| ()), char('"'))).parse(rest)
}

/// A text in double quotes.
pub(super) fn string(rest: &str) -> Lexed<'_> {
    let Ok((after, text)) = closed_string(rest) else { return Ok(unclosed(rest, '"')) };
    let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
    let problem = literal::unescape(inner).err().or_else(|| unicode::in_string(inner)).map(|p| p.shift(1));
    let kind = if problem.is_some() { TokenKind::Bad } else { TokenKind::Str };
    Ok((after, Lexeme { kind, problem }))
}

/// A text in back-ticks. A failure, not an error, if it may span lines and has no end.
pub(super) fn raw(rest: &str, may_span_lines: bool) -> Lexed<'_> {
    let inside = |c: char| c != '`' && (may_span_lines || c != '\n');
    let body = nom::bytes::complete::take_while(inside);
    let found: IResult<&str, &str> = recognize(delimited(tag("`"), body, tag("`"))).parse(rest);
    let (after, text) = match found {
        Ok(found) => found,
        Err(_) if may_span_lines => return Err(nom::Err::Failure(Error::new(rest, ErrorKind::Eof))),
        Err(_) => return Ok(unclosed(rest, '`')),
    };
    let problem = unicode::in_raw(text);
    let kind = if problem.is_some() { TokenKind::Bad } else { TokenKind::Raw };
    Ok((after, Lexeme { kind, problem }))
}

/// A text without its end: it goes to the end of the line, less what probably closes a block or a list there.
fn unclosed(rest: &str, quote: char) -> (&str, Lexeme) {
    let line = rest.lines().next().unwrap_or(rest);
    // Patterns seldom hold a space, sentences do.
    let line = if quote == '`' { line.split([' ', '\t']).next().unwrap_or(line) } else { line };
    let text = line.trim_end_matches([' ', '\t', '{', '}', '[', ']', '(', ')', ';', ',']);
    let text = if text.is_empty() { line } else { text };
    let problem = Problem::new(Code::E0106, 0..quote.len_utf8(), "the text that begins here is not closed")
        .label("no second quote on this line")
        .help(format!("write `{}{quote}`", excerpt(text)))
        .fix(text.len()..text.len(), quote.to_string());
    let problem = if quote == '`' {
        Problem::new(Code::E0106, 0..1, "the raw text that begins here is not closed")
            .label("one back-tick of this file has no partner")
            .help(format!("end it with a second back-tick, perhaps {}", excerpt(&format!("{text}`"))))
    } else {
        problem
    };
    (rest.get(text.len()..).unwrap_or_default(), Lexeme { kind: TokenKind::Bad, problem: Some(problem) })
}

/// Whether the `"` directly behind a word seems to close a text whose first quote is missing: then the quotes of
/// the rest of the line do not pair.
pub(super) fn lost_opener(after: &str) -> bool {
    let line = after.bytes().take(LINE_BYTES_MAX).take_while(|b| *b != b'\n');
    after.starts_with('"') && line.filter(|b| *b == b'"').count() % 2 == 1
}

/// `gpt-4o"`
pub(super) fn without_opener<'a>(rest: &'a str, word: &str) -> (&'a str, Lexeme) {
    let len = word.len() + 1;
    let problem = Problem::new(Code::E0106, word.len()..len, "this quote closes a text that has no first quote")
        .help(format!("write `\"{}\"`", excerpt(word)))
        .fix(0..0, "\"");
    (rest.get(len..).unwrap_or_default(), Lexeme { kind: TokenKind::Bad, problem: Some(problem) })
}

/// `'x'` and typographic quotes.
pub(super) fn wrong(rest: &str, open: char) -> Lexed<'_> {
    // A line of quotes must not be read again for each of them.
    let near = rest.char_indices().take(LINE_CHARS_MAX).take_while(|(_, c)| *c != '\n').last();
    let line = rest.get(..near.map_or(0, |(at, c)| at + c.len_utf8())).unwrap_or_default();
    let body = line.get(open.len_utf8()..).unwrap_or_default();
    let closes = |c: char| match open {
        '\'' => c == '\'',
        '‘' | '’' => matches!(c, '‘' | '’' | '\''),
        _ => matches!(c, '“' | '”' | '„' | '»' | '«' | '"'),
    };
    let (inner, taken) = match body.char_indices().find(|(_, c)| closes(*c)) {
        Some((at, close)) => (body.get(..at).unwrap_or_default(), open.len_utf8() + at + close.len_utf8()),
        None => {
            let end = body.find([' ', '\t', '{', '}', ';', ',', ')', ']']).unwrap_or(body.len());
            (body.get(..end).unwrap_or_default(), open.len_utf8() + end)
        }
    };
    let right = literal::quoted(inner);
    let name = if open == '\'' { "single quotes" } else { "typographic quotes" };
    let problem =
        Problem::new(Code::E0113, 0..taken, format!("texts stand in straight double quotes, not in {name}"))
            .help(format!("write `{}`", excerpt(&right)))
            .replace(right);
    let lexeme = Lexeme { kind: TokenKind::Bad, problem: Some(problem) };
    Ok((rest.get(taken..).unwrap_or_default(), lexeme))
}
