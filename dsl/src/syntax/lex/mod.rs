//! Text to tokens. Every byte of the text is in exactly one token, white space and comments included.
//!
//! The lexer knows the forms of `language.md` §2 and nothing of statements. What other languages write for the
//! same thing (`&&`, `'x'`, `10minutes`) becomes the token that was meant, with a diagnostic; what cannot be
//! saved becomes [`TokenKind::Bad`], which the parser takes as a value in silence, or [`TokenKind::Junk`], which
//! it does not see. So one mistake in a token is one diagnostic.

mod number;
mod quote;
mod strange;
mod unicode;
mod word;

use nom::IResult;
use nom::Parser;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::combinator::recognize;

use super::problem::Problem;
use crate::diag::{Code, Diagnostic};
use crate::span::{SourceId, Span};

pub(super) use unicode::{in_raw as raw_problem, needs_escape};
pub(super) use word::path_end;

/// A piece of the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its place.
    pub span: Span,
}

/// What a [`Token`] is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TokenKind {
    /// Blanks and tabs.
    Space,
    /// A line break.
    Newline,
    /// `#` to the end of the line.
    Comment,
    /// A name.
    Path,
    /// `"…"`
    Str,
    /// `` `…` ``
    Raw,
    /// A number with an optional unit.
    Number,
    /// `$0.15`
    Money,
    /// An address or network.
    Ip,
    /// `08:30`
    Clock,
    /// `5xx`
    Status,
    /// `{`
    OpenBrace,
    /// `}`
    CloseBrace,
    /// `[`
    OpenBracket,
    /// `]`
    CloseBracket,
    /// `(`
    OpenParen,
    /// `)`
    CloseParen,
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// `=`
    Assign,
    /// `..`
    DotDot,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `when`
    When,
    /// `and`
    And,
    /// `or`
    Or,
    /// `not`
    Not,
    /// `in`
    In,
    /// `like`
    Like,
    /// `matches`
    Matches,
    /// `contains`
    Contains,
    /// `starts_with`
    StartsWith,
    /// `ends_with`
    EndsWith,
    /// `is`
    Is,
    /// `present`
    Present,
    /// `absent`
    Absent,
    /// `any`
    Any,
    /// `all`
    All,
    /// `true`
    True,
    /// `false`
    False,
    /// Stands for a value or name that was reported as wrong.
    Bad,
    /// Reported, and best not seen by anyone.
    Junk,
    /// The end of the text; the lexer never makes one.
    End,
}

/// One token's kind, with what is wrong with it.
pub(super) struct Lexeme {
    pub(super) kind: TokenKind,
    pub(super) problem: Option<Problem>,
}

/// What a lexing function gives: the rest of the text and the token before it.
pub(super) type Lexed<'a> = IResult<&'a str, Lexeme>;

/// Whether texts in back-ticks may hold line breaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum RawText {
    /// They may, as the language says.
    SpansLines,
    /// A back-tick has no partner. Which one it is shows best if every text has to end on its line.
    EndsOnLine,
}

/// Splits a text into tokens that follow each other without a gap from the first byte to the last.
pub fn lex(source: SourceId, text: &str, problems: &mut Vec<Diagnostic>) -> Vec<Token> {
    let mut found = Vec::new();
    let mut tokens = split(source, text, RawText::SpansLines, &mut found);
    if tokens.is_none() {
        found.clear();
        tokens = split(source, text, RawText::EndsOnLine, &mut found);
    }
    let tokens = tokens.unwrap_or_default();
    indentation(source, text, &tokens, &mut found);
    problems.append(&mut found);
    tokens
}

/// The tokens; `None` if a back-tick has no partner and [`RawText::SpansLines`].
fn split(source: SourceId, text: &str, raw: RawText, problems: &mut Vec<Diagnostic>) -> Option<Vec<Token>> {
    let mut tokens = Vec::with_capacity(text.len() / 4);
    let mut rest = text;
    let mut at = 0_u32;
    while let Some(first) = rest.chars().next() {
        let before = rest.len();
        let (after, lexeme) = match token(rest, first, at == 0, raw) {
            Ok(found) => found,
            Err(nom::Err::Failure(_)) => return None,
            Err(nom::Err::Error(_) | nom::Err::Incomplete(_)) => strange::anything(rest, first),
        };
        // INVARIANT: every lexing function takes at least one character, so the loop ends.
        let taken = before - after.len();
        let end = at.saturating_add(u32::try_from(taken).unwrap_or(u32::MAX));
        if let Some(problem) = lexeme.problem
            && problems.len() < super::DIAGNOSTICS_MAX
        {
            let before_token = text.get(..text.len() - before).unwrap_or_default();
            problems.push(problem.diagnostic(source, at, before_token, after));
        }
        tokens.push(Token { kind: lexeme.kind, span: Span::new(source, at, end) });
        rest = after;
        at = end;
    }
    Some(tokens)
}

/// The token at the start of a text whose first character is `first`.
fn token(rest: &str, first: char, at_start: bool, raw: RawText) -> Lexed<'_> {
    match first {
        ' ' | '\t' => good(TokenKind::Space, take_while1(|c| c == ' ' || c == '\t').parse(rest)),
        // The byte order mark of an editor.
        '\u{feff}' if at_start => good(TokenKind::Space, tag("\u{feff}").parse(rest)),
        '\n' => good(TokenKind::Newline, tag("\n").parse(rest)),
        '\r' => good(TokenKind::Newline, tag("\r\n").parse(rest)),
        '#' => comment(rest),
        '"' => quote::string(rest),
        '`' => quote::raw(rest, raw == RawText::SpansLines),
        '\'' | '“' | '”' | '„' | '‘' | '’' | '«' | '»' => quote::wrong(rest, first),
        '0'..='9' | '$' => number::value(rest),
        '-' if rest.as_bytes().get(1).is_some_and(|b| b.is_ascii_digit()) => number::value(rest),
        ':' if rest.starts_with("::") => number::value(rest),
        'A'..='F' | 'a'..='f' => number::address6(rest).or_else(|_| word::word(rest)),
        'G'..='Z' | 'g'..='z' | '_' | '*' => word::word(rest),
        '.' if !rest.starts_with("..") => strange::dot(rest),
        '{' | '}' | '[' | ']' | '(' | ')' | ',' | ';' | '=' | '.' | '!' | '<' | '>' => strange::punctuation(rest),
        _ => Ok(strange::anything(rest, first)),
    }
}

/// A recognised piece without problems as a token.
pub(super) fn good<'a>(kind: TokenKind, found: IResult<&'a str, &'a str>) -> Lexed<'a> {
    found.map(|(rest, _)| (rest, Lexeme { kind, problem: None }))
}

fn comment(rest: &str) -> Lexed<'_> {
    let (_, line) = recognize((tag("#"), take_while(|c| c != '\n'))).parse(rest)?;
    // The line break of a Windows file is a token of its own.
    let line = line.strip_suffix('\r').unwrap_or(line);
    let after = rest.get(line.len()..).unwrap_or_default();
    Ok((after, Lexeme { kind: TokenKind::Comment, problem: unicode::in_comment(line) }))
}

/// W0101, once per file: a tab among the white space at the start of a line.
fn indentation(source: SourceId, text: &str, tokens: &[Token], problems: &mut Vec<Diagnostic>) {
    let mut line_start = true;
    let mut first = None;
    let mut lines = 0_u32;
    for token in tokens {
        if line_start
            && token.kind == TokenKind::Space
            && let Some(tab) = span_text(text, token.span).find('\t')
        {
            lines += 1;
            first.get_or_insert_with(|| token.span.start.saturating_add(u32::try_from(tab).unwrap_or(0)));
        }
        line_start = token.kind == TokenKind::Newline;
    }
    if let Some(at) = first {
        let lines = if lines == 1 { String::new() } else { format!(" ({lines} lines)") };
        problems.push(
            Diagnostic::new(Code::W0101, Span::new(source, at, at + 1), format!("tab in the indentation{lines}"))
                .help("`weir fmt` writes two spaces for each level"),
        );
    }
}

/// The text under a span of this very text.
pub(super) fn span_text(text: &str, span: Span) -> &str {
    let index = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    text.get(index(span.start)..index(span.end)).unwrap_or_default()
}
