//! Tokens to the token stream of the grammar: the four layout rules of `language.md` §3.
//!
//! White space and comments go aside as [`Event`]s in the order in which they were written. Line breaks stay only
//! where they end a statement. Brackets that do not pair are reported and repaired here, so that the parser only
//! ever sees balanced ones and can skip over a group in one step.

#![expect(clippy::wildcard_enum_match_arm, reason = "every kind of token that is not named is handled alike")]

mod pairs;

use super::ast::Comment;
use super::lex::{Token, TokenKind, span_text};
use crate::diag::{Code, Diagnostic};
use crate::span::Span;

/// A token of the grammar.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tok {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
    /// The line it stands on, from 0.
    pub(super) line: u32,
    /// Of an opening bracket: how many tokens further its partner stands.
    pub(super) partner: u32,
    /// How many [`TokenKind::Bad`] and [`TokenKind::Junk`] tokens came before.
    pub(super) reported: u32,
}

/// A comment or a blank line.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// Its first byte.
    pub(super) at: u32,
    /// `None` for a blank line.
    pub(super) comment: Option<Comment>,
    /// Whether nothing stands before it on its line.
    pub(super) own_line: bool,
}

/// What the parser reads.
#[derive(Debug)]
pub(super) struct Layout {
    /// Ends with one [`TokenKind::End`].
    pub(super) tokens: Vec<Tok>,
    pub(super) events: Vec<Event>,
}

/// A token that means something, with what is known of its line.
#[derive(Clone, Copy, Debug)]
struct Seen {
    kind: TokenKind,
    span: Span,
    line: u32,
    /// The line it ends on: a raw text can span several.
    last_line: u32,
    /// Set for the first of a line: the width of the white space before it.
    indent: Option<u32>,
    reported: u32,
}

/// Applies the layout rules.
pub(super) fn layout(text: &str, tokens: &[Token], end: Span, problems: &mut Vec<Diagnostic>) -> Layout {
    let (mut seen, events) = sift(text, tokens);
    let line = seen.last().map_or(0, |s| s.last_line) + 1;
    let reported = seen.last().map_or(0, |s| s.reported);
    seen.push(Seen { kind: TokenKind::End, span: end, line, last_line: line, indent: Some(0), reported });
    let pairs = pairs::pair(text, &seen);
    pairs.report(text, &seen, problems);
    let mut tokens = Emit { tokens: Vec::with_capacity(seen.len() + 16), open: Vec::new(), reported: 0 }
        .run(&seen, &pairs, problems);
    partners(&mut tokens);
    Layout { tokens, events }
}

/// Separates what means something from comments and blank lines.
fn sift(text: &str, tokens: &[Token]) -> (Vec<Seen>, Vec<Event>) {
    let mut seen = Vec::with_capacity(tokens.len() / 2);
    let mut events: Vec<Event> = Vec::new();
    let (mut line, mut reported) = (0, 0);
    let mut indent = Some(0);
    for token in tokens {
        match token.kind {
            TokenKind::Newline => {
                let since = seen.last().map_or(0, |s: &Seen| s.span.end);
                let repeated = events.last().is_some_and(|e| e.comment.is_none() && e.at >= since);
                // A line without anything on it.
                if indent.is_some() && !repeated {
                    events.push(Event { at: token.span.start, comment: None, own_line: true });
                }
                line += 1;
                indent = Some(0);
            }
            TokenKind::Space => indent = indent.map(|n| n + (token.span.end - token.span.start)),
            TokenKind::Comment => {
                let comment = Comment { span: token.span, text: span_text(text, token.span).trim_end().to_owned() };
                events.push(Event { at: token.span.start, comment: Some(comment), own_line: indent.is_some() });
                indent = None;
            }
            TokenKind::Junk => {
                reported += 1;
                line += newlines(span_text(text, token.span));
            }
            kind => {
                let last_line = line + newlines(span_text(text, token.span));
                seen.push(Seen { kind, span: token.span, line, last_line, indent, reported });
                reported += u32::from(kind == TokenKind::Bad);
                line = last_line;
                indent = None;
            }
        }
    }
    (seen, events)
}

fn newlines(text: &str) -> u32 {
    u32::try_from(text.bytes().filter(|b| *b == b'\n').count()).unwrap_or(u32::MAX)
}

/// Writes the tokens of the grammar: keeps the line breaks that end statements, puts in missing closers.
struct Emit {
    tokens: Vec<Tok>,
    /// Kinds of the open brackets, and whether each has a partner.
    open: Vec<(TokenKind, bool)>,
    /// Brackets that were reported so far.
    reported: u32,
}

// === impl Emit ===

impl Emit {
    fn run(mut self, seen: &[Seen], pairs: &pairs::Pairs, problems: &mut Vec<Diagnostic>) -> Vec<Tok> {
        let mut previous_line = 0;
        for (i, token) in seen.iter().enumerate() {
            self.close_blocks(pairs.closed_before(i), token);
            if pairs.is_stray(i) {
                self.reported += 1;
                continue;
            }
            if token.line > previous_line {
                self.line_break(token, problems);
            }
            previous_line = token.last_line;
            match token.kind {
                TokenKind::OpenBrace | TokenKind::CloseBrace | TokenKind::End => self.close_groups(token),
                _ => {}
            }
            self.bracket(token.kind, pairs.has_partner(i));
            self.push(token.kind, token.span, token.line, token.reported);
            self.reported += u32::from(!pairs.has_partner(i));
        }
        self.tokens
    }

    fn push(&mut self, kind: TokenKind, span: Span, line: u32, reported: u32) {
        self.tokens.push(Tok { kind, span, line, partner: 0, reported: reported + self.reported });
    }

    /// Rules 1 to 3: whether the line break before `token` ends a statement.
    fn line_break(&mut self, token: &Seen, problems: &mut Vec<Diagnostic>) {
        let Some(last) = self.tokens.last().copied() else { return };
        if self.in_group() {
            if self.open.last().is_some_and(|(_, closed)| *closed) || goes_on_after(last.kind) {
                return;
            }
            // An unclosed bracket ends with its line: what follows is most likely the next statement.
            while self.open.last().is_some_and(|(kind, closed)| *kind != TokenKind::OpenBrace && !closed) {
                self.close_group(last.span.end, last.line, token.reported);
            }
            if self.in_group() {
                return;
            }
        }
        let dropped = matches!(
            token.kind,
            TokenKind::And | TokenKind::Or | TokenKind::When | TokenKind::CloseBrace | TokenKind::End
        ) || matches!(last.kind, TokenKind::OpenBrace | TokenKind::Newline);
        if token.kind == TokenKind::OpenBrace
            && token.line == last.line + 1
            && !matches!(last.kind, TokenKind::OpenBrace | TokenKind::Newline | TokenKind::Semicolon)
        {
            let place = Span::new(last.span.source, last.span.end, token.span.end);
            report(
                problems,
                Diagnostic::new(
                    Code::E0117,
                    token.span,
                    "`{` stands on the line of the statement that it belongs to",
                )
                .also(Span::new(last.span.source, last.span.end, last.span.end), "here")
                .help("put ` {` at the end of the line above")
                .fix(place, " {"),
            );
            return;
        }
        if !dropped {
            let at = Span::new(last.span.source, last.span.end, last.span.end);
            self.push(TokenKind::Newline, at, last.line, token.reported);
        }
    }

    fn in_group(&self) -> bool {
        self.open.last().is_some_and(|(kind, _)| *kind != TokenKind::OpenBrace)
    }

    /// Closes `(` and `[` before a brace, which cannot stand inside of them.
    fn close_groups(&mut self, token: &Seen) {
        while self.in_group() {
            let last = self.tokens.last().map_or(token.span.start, |t| t.span.end);
            self.close_group(last, token.line, token.reported);
        }
    }

    fn close_group(&mut self, at: u32, line: u32, reported: u32) {
        let source = self.tokens.last().map_or_else(Default::default, |t| t.span.source);
        let closer = match self.open.pop() {
            Some((TokenKind::OpenParen, _)) => TokenKind::CloseParen,
            Some(_) => TokenKind::CloseBracket,
            None => return,
        };
        self.push(closer, Span::new(source, at, at), line, reported);
    }

    /// Closes `count` blocks before `token`.
    fn close_blocks(&mut self, count: u32, token: &Seen) {
        for _ in 0..count {
            self.close_groups(token);
            let last = self.tokens.last().map_or(token.span, |t| t.span);
            self.open.pop();
            if self.tokens.last().is_some_and(|t| t.kind == TokenKind::Newline) {
                self.tokens.pop();
            }
            self.push(
                TokenKind::CloseBrace,
                Span::new(last.source, last.end, last.end),
                token.line.saturating_sub(1),
                token.reported,
            );
        }
    }

    fn bracket(&mut self, kind: TokenKind, closed: bool) {
        match kind {
            TokenKind::OpenBrace | TokenKind::OpenBracket | TokenKind::OpenParen => self.open.push((kind, closed)),
            TokenKind::CloseBrace | TokenKind::CloseBracket | TokenKind::CloseParen => {
                self.open.pop();
            }
            _ => {}
        }
    }
}

/// Whether a line that ends with this token inside of a bracket is clearly not complete.
fn goes_on_after(kind: TokenKind) -> bool {
    !matches!(
        kind,
        TokenKind::Path
            | TokenKind::Str
            | TokenKind::Raw
            | TokenKind::Number
            | TokenKind::Money
            | TokenKind::Ip
            | TokenKind::Clock
            | TokenKind::Status
            | TokenKind::CloseBracket
            | TokenKind::CloseParen
            | TokenKind::Present
            | TokenKind::Absent
            | TokenKind::True
            | TokenKind::False
            | TokenKind::Bad
    )
}

/// Fills in how far each opening bracket is from its partner.
fn partners(tokens: &mut [Tok]) {
    let mut open: Vec<usize> = Vec::new();
    for i in 0..tokens.len() {
        match tokens.get(i).map(|t| t.kind) {
            Some(TokenKind::OpenBrace | TokenKind::OpenBracket | TokenKind::OpenParen) => open.push(i),
            Some(TokenKind::CloseBrace | TokenKind::CloseBracket | TokenKind::CloseParen) => {
                if let Some(at) = open.pop()
                    && let Some(opener) = tokens.get_mut(at)
                {
                    opener.partner = u32::try_from(i - at).unwrap_or(0);
                }
            }
            _ => {}
        }
    }
}

/// Appends a diagnostic unless there are too many.
pub(super) fn report(problems: &mut Vec<Diagnostic>, problem: Diagnostic) {
    if problems.len() < super::DIAGNOSTICS_MAX {
        problems.push(problem);
    }
}
