//! Which bracket belongs to which, and what to do with those that belong to none.
//!
//! The first reading pairs brackets as they come. If that leaves blocks open or closers over, a second reading
//! trusts the indentation as well: a statement that is not indented deeper than the head of an open block is
//! after that block, and a top-level word in column 1 is after all blocks. The reading with fewer complaints
//! counts, so the brace that is reported is the one that a person would call missing.

#![expect(clippy::wildcard_enum_match_arm, reason = "every kind of token that is not named is handled alike")]

use super::{Seen, report, span_text};
use crate::diag::{Code, Diagnostic};
use crate::span::Span;
use crate::syntax::lex::TokenKind;

/// Words that begin a statement at the top of a file; only used to guess where blocks should have ended.
const TOP_WORDS: &[&str] = &[
    "alias",
    "auth",
    "budget",
    "bundle",
    "cache",
    "classifier",
    "delegate",
    "endpoint",
    "import",
    "let",
    "limit",
    "list",
    "overlay",
    "policy",
    "pool",
    "redaction",
    "schedule",
    "table",
    "team",
    "test",
    "weir",
];

/// The result: everything is by index of the token.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// Openers without a partner, each with the token before which it is closed; ascending by opener.
    unclosed: Vec<(usize, usize)>,
    /// Closers without a partner, ascending.
    stray: Vec<usize>,
    /// Tokens before which blocks are closed, and how many.
    closed_before: Vec<(usize, u32)>,
}

/// An open bracket.
#[derive(Clone, Copy)]
struct Open {
    index: usize,
    kind: TokenKind,
    /// Indentation of the line on which the statement of the bracket begins.
    indent: u32,
    /// How many `(` and `[` are open since the last `{`.
    parens: u32,
    brackets: u32,
}

struct Reader<'a> {
    text: &'a str,
    seen: &'a [Seen],
    by_indent: bool,
    open: Vec<Open>,
    /// Indentation of the line on which the current statement begins.
    indent: u32,
    pairs: Pairs,
}

/// Pairs the brackets of a file.
pub(super) fn pair(text: &str, seen: &[Seen]) -> Pairs {
    let read = |by_indent| {
        let reader = Reader { text, seen, by_indent, open: Vec::new(), indent: 0, pairs: Pairs::default() };
        reader.read()
    };
    let plain = read(false);
    if !plain.blocks_wrong(seen) {
        return plain;
    }
    let indented = read(true);
    if indented.complaints() <= plain.complaints() { indented } else { plain }
}

// === impl Reader ===

impl Reader<'_> {
    fn read(mut self) -> Pairs {
        for (i, token) in self.seen.iter().enumerate() {
            if let Some(indent) = token.indent {
                self.line(i, token, indent);
            }
            match token.kind {
                TokenKind::OpenBrace => {
                    self.drop_groups(i);
                    self.push(i, token.kind);
                }
                TokenKind::OpenParen | TokenKind::OpenBracket => self.push(i, token.kind),
                TokenKind::CloseBrace => self.close_block(i),
                TokenKind::CloseParen => self.close_group(i, TokenKind::OpenParen),
                TokenKind::CloseBracket => self.close_group(i, TokenKind::OpenBracket),
                TokenKind::End => {
                    while !self.open.is_empty() {
                        self.leave_open(i);
                    }
                }
                _ => {}
            }
        }
        self.pairs.unclosed.sort_unstable();
        self.pairs
    }

    /// A new line: with `by_indent` it may end blocks.
    fn line(&mut self, i: usize, token: &Seen, indent: u32) {
        let continues = matches!(token.kind, TokenKind::And | TokenKind::Or | TokenKind::When | TokenKind::OpenBrace);
        let in_group = self.open.last().is_some_and(|o| o.kind != TokenKind::OpenBrace);
        if self.by_indent {
            let top = indent == 0 && TOP_WORDS.contains(&span_text(self.text, token.span));
            if top {
                while !self.open.is_empty() {
                    self.leave_open(i);
                }
            } else if token.kind == TokenKind::CloseBrace {
                while self.open.last().is_some_and(|o| o.indent > indent && o.kind == TokenKind::OpenBrace) {
                    self.leave_open(i);
                }
            } else if !continues && !in_group {
                while self.open.last().is_some_and(|o| o.indent >= indent) {
                    self.leave_open(i);
                }
            }
        }
        let in_group = self.open.last().is_some_and(|o| o.kind != TokenKind::OpenBrace);
        if !continues && !in_group {
            self.indent = indent;
        }
    }

    fn push(&mut self, index: usize, kind: TokenKind) {
        let outer = self.open.last().filter(|_| kind != TokenKind::OpenBrace);
        let (parens, brackets) = outer.map_or((0, 0), |o| (o.parens, o.brackets));
        let parens = parens + u32::from(kind == TokenKind::OpenParen);
        let brackets = brackets + u32::from(kind == TokenKind::OpenBracket);
        self.open.push(Open { index, kind, indent: self.indent, parens, brackets });
    }

    /// Takes the innermost bracket off as unclosed, ending before token `i`.
    fn leave_open(&mut self, i: usize) {
        let Some(open) = self.open.pop() else { return };
        self.pairs.unclosed.push((open.index, i));
        if open.kind == TokenKind::OpenBrace {
            match self.pairs.closed_before.last_mut() {
                Some((at, count)) if *at == i => *count += 1,
                _ => self.pairs.closed_before.push((i, 1)),
            }
        }
    }

    /// `(` and `[` cannot hold a brace.
    fn drop_groups(&mut self, i: usize) {
        while self.open.last().is_some_and(|o| o.kind != TokenKind::OpenBrace) {
            self.leave_open(i);
        }
    }

    fn close_block(&mut self, i: usize) {
        self.drop_groups(i);
        let first_on_line = self.seen.get(i).and_then(|t| t.indent);
        let elsewhere = |o: &Open| self.by_indent && first_on_line.is_some_and(|indent| indent != o.indent);
        match self.open.last() {
            Some(open) if !elsewhere(open) => {
                self.open.pop();
            }
            _ => self.pairs.stray.push(i),
        }
    }

    fn close_group(&mut self, i: usize, opener: TokenKind) {
        let held = self.open.last().filter(|o| o.kind != TokenKind::OpenBrace);
        let count = held.map_or(0, |o| if opener == TokenKind::OpenParen { o.parens } else { o.brackets });
        if count == 0 {
            self.pairs.stray.push(i);
            return;
        }
        while self.open.last().is_some_and(|o| o.kind != opener) {
            self.leave_open(i);
        }
        self.open.pop();
    }
}

// === impl Pairs ===

impl Pairs {
    /// Whether a bracket has no partner.
    pub(super) fn is_stray(&self, i: usize) -> bool {
        self.stray.binary_search(&i).is_ok()
    }

    pub(super) fn has_partner(&self, i: usize) -> bool {
        self.unclosed.binary_search_by_key(&i, |(opener, _)| *opener).is_err()
    }

    /// How many blocks have to be closed before a token.
    pub(super) fn closed_before(&self, i: usize) -> u32 {
        let found = self.closed_before.binary_search_by_key(&i, |(at, _)| *at).ok();
        found.and_then(|at| self.closed_before.get(at)).map_or(0, |(_, count)| *count)
    }

    fn complaints(&self) -> usize {
        self.unclosed.len() + self.stray.len()
    }

    fn blocks_wrong(&self, seen: &[Seen]) -> bool {
        let stray = |i: &usize| seen.get(*i).is_some_and(|t| t.kind == TokenKind::CloseBrace);
        !self.closed_before.is_empty() || self.stray.iter().any(stray)
    }

    /// One diagnostic for each bracket without a partner.
    pub(super) fn report(&self, text: &str, seen: &[Seen], problems: &mut Vec<Diagnostic>) {
        for (opener, end) in &self.unclosed {
            if let (Some(open), Some(end)) = (seen.get(*opener), seen.get(*end)) {
                report(problems, unclosed(text, open, end));
            }
        }
        for closer in self.stray.iter().filter_map(|i| seen.get(*i)) {
            let sign = span_text(text, closer.span);
            let partner = match closer.kind {
                TokenKind::CloseBrace => "{",
                TokenKind::CloseBracket => "[",
                _ => "(",
            };
            report(
                problems,
                Diagnostic::new(Code::E0111, closer.span, format!("this `{sign}` closes nothing"))
                    .help(format!("delete it, or look for a missing `{partner}` above"))
                    .fix(closer.span, ""),
            );
        }
    }
}

fn unclosed(text: &str, open: &Seen, end: &Seen) -> Diagnostic {
    let sign = span_text(text, open.span);
    if open.kind != TokenKind::OpenBrace {
        let closer = if open.kind == TokenKind::OpenParen { ")" } else { "]" };
        let problem = Diagnostic::new(Code::E0112, open.span, format!("this `{sign}` is never closed"))
            .help(format!("add the missing `{closer}`"));
        let near = end.line == open.line && end.kind != TokenKind::End;
        return if near { problem.also(end.span, "it has to be closed before this") } else { problem };
    }
    let problem = Diagnostic::new(Code::E0101, open.span, "this `{` is never closed");
    if end.kind == TokenKind::End {
        return problem.help("add a `}` at the end of the block");
    }
    let word = span_text(text, end.span);
    let line_start = Span::new(end.span.source, end.span.start, end.span.start);
    if word == "}" {
        return problem.also(end.span, "this one belongs to a block further out").help("add a `}` before it");
    }
    problem
        .also(line_start.to(end.span), "the next statement begins here")
        .help(format!("add a `}}` on a line before `{word}`"))
}
