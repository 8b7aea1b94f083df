//! Punctuation, and what people bring from nginx, HAProxy, Envoy, VCL, YAML and C.

use nom::error::ErrorKind;

use super::{Lexed, Lexeme, TokenKind, unicode};
use crate::diag::Code;
use crate::syntax::literal;
use crate::syntax::problem::{Problem, excerpt};

/// The language's own signs, longest first.
const SIGNS: &[(&str, TokenKind)] = &[
    ("==", TokenKind::Eq),
    ("!=", TokenKind::Ne),
    ("<=", TokenKind::Le),
    (">=", TokenKind::Ge),
    ("..", TokenKind::DotDot),
    ("=", TokenKind::Assign),
    ("<", TokenKind::Lt),
    (">", TokenKind::Gt),
    ("{", TokenKind::OpenBrace),
    ("}", TokenKind::CloseBrace),
    ("[", TokenKind::OpenBracket),
    ("]", TokenKind::CloseBracket),
    ("(", TokenKind::OpenParen),
    (")", TokenKind::CloseParen),
    (",", TokenKind::Comma),
    (";", TokenKind::Semicolon),
];

/// Signs of other languages, longest first: what they are, and how it is written here.
const FOREIGN: &[(&str, TokenKind, &str)] = &[
    ("===", TokenKind::Eq, "=="),
    ("!==", TokenKind::Ne, "!="),
    ("!~*", TokenKind::Matches, "not matches"),
    ("&&", TokenKind::And, "and"),
    ("||", TokenKind::Or, "or"),
    ("=~", TokenKind::Matches, "matches"),
    ("!~", TokenKind::Matches, "not matches"),
    ("~*", TokenKind::Matches, "matches"),
    ("~=", TokenKind::Matches, "matches"),
    ("<>", TokenKind::Ne, "!="),
    (":=", TokenKind::Assign, "="),
    ("&", TokenKind::And, "and"),
    ("|", TokenKind::Or, "or"),
    ("~", TokenKind::Matches, "matches"),
    ("≤", TokenKind::Le, "<="),
    ("≥", TokenKind::Ge, ">="),
    ("≠", TokenKind::Ne, "!="),
];

/// Signs that are best forgotten, and a word on each.
const IGNORED: &[(&str, &str)] = &[
    ("=>", "a declaration has `=`, a setting is followed by its value at once: `word value`"),
    ("->", "a word is followed by its value: `word value`"),
    (":", "a word is followed by its value without a colon: `word value`"),
    ("%", "a per cent sign stands directly behind its number: `95%`"),
    ("-", "there are no list dashes: one statement per line, lists stand in `[ ]`"),
];

/// How far the end of a `/* … */` is looked for, in characters.
const BLOCK_COMMENT_MAX: usize = 2_000;

/// A sign of the language, or one of another language that begins the same.
pub(super) fn punctuation(rest: &str) -> Lexed<'_> {
    if let Some(found) = foreign(rest).or_else(|| ignored(rest, "=>")) {
        return Ok(found);
    }
    if let Some((text, kind)) = SIGNS.iter().find(|(text, _)| rest.starts_with(text)) {
        let after = rest.get(text.len()..).unwrap_or_default();
        return Ok((after, Lexeme { kind: *kind, problem: None }));
    }
    if rest.starts_with('!') {
        return Ok(replaced(rest, "!", TokenKind::Not, "not"));
    }
    Err(nom::Err::Error(nom::error::Error::new(rest, ErrorKind::Tag)))
}

/// Whatever no other function took.
pub(super) fn anything(rest: &str, first: char) -> (&str, Lexeme) {
    if rest.starts_with("//") || rest.starts_with("/*") || rest.starts_with("--") {
        return foreign_comment(rest);
    }
    if let Some(found) = foreign(rest) {
        return found;
    }
    if let Some(found) = IGNORED.iter().find_map(|(sign, _)| ignored(rest, sign)) {
        return found;
    }
    match first {
        '/' => unquoted(rest, word_len(rest)),
        '^' | '\\' => regex(rest),
        '$' => variable(rest),
        _ if first.is_ascii() && !first.is_ascii_control() => sign(rest, first),
        _ => unicode::strange(rest, first),
    }
}

/// The token that a single character is.
pub(super) fn sign_kind(c: char) -> TokenKind {
    let found = SIGNS.iter().find(|(text, _)| text.chars().eq([c]));
    found.map_or(TokenKind::Bad, |(_, kind)| *kind)
}

/// A single dot before something that is no dot.
pub(super) fn dot(rest: &str) -> Lexed<'_> {
    let len = word_len(rest);
    let word = rest.get(..len).unwrap_or_default();
    let problem = if word.as_bytes().get(1).is_some_and(|b| b.is_ascii_digit()) {
        let right = format!("0{word}");
        Problem::new(Code::E0108, 0..len, format!("a number begins with a digit: `{}`", excerpt(word)))
            .help(format!("write `{}`", excerpt(&right)))
            .replace(right)
    } else {
        Problem::new(Code::E0114, 0..len, format!("`{}` begins with a dot", excerpt(word)))
            .help("the parts of a name are joined by dots without spaces: `client.team`")
    };
    Ok(bad(rest, len, problem))
}

/// `client.` without a part behind the dot.
pub(super) fn dangling_dot<'a>(rest: &'a str, path: &str) -> (&'a str, Lexeme) {
    let after = rest.get(path.len() + 1..).unwrap_or_default();
    let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let len = path.len() + 1 + word_len(after);
    let message = format!("nothing that can be a part of a name follows the dot of `{}.`", excerpt(path));
    let problem = Problem::new(Code::E0108, path.len()..len.max(path.len() + 1), message);
    if digits == 0 {
        return bad(rest, len, problem.label("a part begins with a letter; other keys stand in `[\"…\"]`"));
    }
    let index = after.get(..digits).unwrap_or_default();
    let fix = (path.len()..path.len() + 1 + digits, format!("[{index}]"));
    bad(rest, len, problem.help(format!("an index is written `{}[{index}]`", excerpt(path))).fix(fix.0, fix.1))
}

/// Where an unquoted text ends that begins with the name before `after`; `None` if it is just a name.
pub(super) fn unquoted_end(rest: &str, after: &str) -> Option<usize> {
    let mut next = after.chars();
    let (first, second) = (next.next()?, next.next().unwrap_or(' '));
    let goes_on = match first {
        '/' | '@' | '+' | '\\' | '?' => true,
        ':' => !second.is_whitespace() && !matches!(second, '=' | '{' | '[' | '"'),
        _ => false,
    };
    goes_on.then(|| rest.len() - after.len() + word_len(after))
}

/// A text without quotes.
pub(super) fn unquoted(rest: &str, len: usize) -> (&str, Lexeme) {
    let word = rest.get(..len).unwrap_or_default();
    let right = literal::quoted(word);
    let problem = Problem::new(Code::E0113, 0..len, format!("the text `{}` needs quotes", excerpt(word)))
        .help(format!("write `{}`", excerpt(&right)))
        .replace(right);
    bad(rest, len, problem)
}

/// Bytes up to white space, a bracket, a quote, `,` or `;`.
pub(super) fn word_len(rest: &str) -> usize {
    let ends = |c: char| c.is_whitespace() || matches!(c, '{' | '}' | '[' | ']' | '(' | ')' | ',' | ';' | '"' | '`');
    rest.find(ends).unwrap_or(rest.len())
}

fn bad(rest: &str, len: usize, problem: Problem) -> (&str, Lexeme) {
    // A token has at least one character.
    let len = len.max(rest.chars().next().map_or(0, char::len_utf8));
    (rest.get(len..).unwrap_or_default(), Lexeme { kind: TokenKind::Bad, problem: Some(problem) })
}

fn foreign(rest: &str) -> Option<(&str, Lexeme)> {
    let (sign, kind, right) = FOREIGN.iter().find(|(sign, _, _)| rest.starts_with(sign))?;
    Some(replaced(rest, sign, *kind, right))
}

/// A sign of another language as the token that was meant.
fn replaced<'a>(rest: &'a str, sign: &str, kind: TokenKind, right: &str) -> (&'a str, Lexeme) {
    let problem = Problem::new(Code::E0104, 0..sign.len(), format!("`{sign}` is written `{right}`"))
        .help(format!("replace `{sign}` with `{right}`"))
        .replace_word(right);
    (rest.get(sign.len()..).unwrap_or_default(), Lexeme { kind, problem: Some(problem) })
}

fn ignored<'a>(rest: &'a str, sign: &str) -> Option<(&'a str, Lexeme)> {
    let (sign, help) = IGNORED.iter().find(|(s, _)| *s == sign && rest.starts_with(s))?;
    let problem =
        Problem::new(Code::E0114, 0..sign.len(), format!("`{sign}` means nothing here")).help(*help).replace("");
    let lexeme = Lexeme { kind: TokenKind::Junk, problem: Some(problem) };
    Some((rest.get(sign.len()..).unwrap_or_default(), lexeme))
}

fn foreign_comment(rest: &str) -> (&str, Lexeme) {
    let line = rest.find('\n').unwrap_or(rest.len());
    let line = rest.get(..line).unwrap_or_default().trim_end_matches('\r').len();
    let closed = || {
        let near = rest.char_indices().nth(BLOCK_COMMENT_MAX).map_or(rest.len(), |(at, _)| at);
        rest.get(..near).and_then(|near| near.find("*/")).map(|at| at + 2)
    };
    let len = if rest.starts_with("/*") { closed().unwrap_or(line) } else { line };
    let problem = Problem::new(
        Code::E0114,
        0..2,
        format!("a comment begins with `#`, not with `{}`", excerpt(rest.get(..2).unwrap_or_default())),
    );
    let problem = if rest.starts_with("/*") {
        problem.help("begin each line of it with `#`")
    } else {
        problem.help("write `#` instead").replace("#")
    };
    let lexeme = Lexeme { kind: TokenKind::Junk, problem: Some(problem) };
    (rest.get(len..).unwrap_or_default(), lexeme)
}

/// Something that looks like a bare regular expression: to the next white space.
fn regex(rest: &str) -> (&str, Lexeme) {
    let len = rest.find(|c: char| c.is_whitespace() || c == '`').unwrap_or(rest.len());
    let word = rest.get(..len).unwrap_or_default().trim_end_matches(['{', ';']);
    let problem =
        Problem::new(Code::E0113, 0..word.len(), format!("the pattern `{}` needs back-ticks", excerpt(word)));
    let problem = problem.help(format!("write {}", excerpt(&format!("`{word}`")))).replace(format!("`{word}`"));
    bad(rest, word.len(), problem)
}

/// `$host`, `${KEY}`
fn variable(rest: &str) -> (&str, Lexeme) {
    let inner = rest.get(1..).unwrap_or_default();
    let name_of = |text: &str| {
        text.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-')).count()
    };
    let braced = inner.strip_prefix('{').filter(|i| i.get(name_of(i)..).is_some_and(|end| end.starts_with('}')));
    let (name, len) = match braced.and_then(|i| i.get(..name_of(i))) {
        Some(name) => (name, name.len() + 3),
        None => (inner.get(..word_len(inner)).unwrap_or_default(), 1 + word_len(inner)),
    };
    let shown = excerpt(name);
    let problem = Problem::new(
        Code::E0114,
        0..len,
        format!("there are no variables: `{}`", excerpt(rest.get(..len).unwrap_or_default())),
    );
    let upper = !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let problem = if upper {
        problem.help(format!(
            "a secret of the environment is `secret(\"env:{shown}\")`; other settings belong into an `overlay`"
        ))
    } else {
        problem.help("fields are named plainly, without a sign: `client.team`, `path`; an amount is `$12`")
    };
    bad(rest, len, problem)
}

/// An ASCII sign without a meaning, with what it is stuck to.
fn sign(rest: &str, first: char) -> (&str, Lexeme) {
    let len = word_len(rest).max(first.len_utf8());
    let word = rest.get(..len).unwrap_or_default();
    let problem = Problem::new(Code::E0114, 0..len, format!("`{}` means nothing here", excerpt(word)));
    if len > 1 {
        let right = literal::quoted(word);
        return bad(rest, len, problem.help(format!("if it is a text, write `{}`", excerpt(&right))));
    }
    bad(rest, len, problem)
}
