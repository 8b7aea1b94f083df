//! Tokens to tree, with one diagnostic for each statement that does not parse.
//!
//! The grammar is decided by one token of look-ahead, so nothing is parsed twice. A parser that fails says where
//! and what it expected; [`stmt`] turns the furthest failure into one diagnostic, leaves a hole in the tree and
//! goes on behind the head of the statement.

mod blame;
mod expr;
mod stmt;
mod term;

use std::cell::{Cell, RefCell};

use nom::error::{ErrorKind, ParseError};
use nom::{IResult, Input, Needed};

pub(super) use expr::has_negation as expr_has_negation;

use super::ast::{Comment, File, Trivia};
use super::layout::{Event, Tok, layout, report};
use super::lex::{TokenKind, lex, span_text};
use crate::diag::{Diagnostic, Severity};
use crate::span::{SourceId, Span};

/// Parses one file. Problems are appended; the tree holds everything that could be read.
///
/// Hand in text that [`super::decode`] accepted. Time and memory are linear in its size.
pub fn parse(source: SourceId, text: &str, problems: &mut Vec<Diagnostic>) -> File {
    let mut found = Vec::new();
    let tokens = lex(source, text, &mut found);
    let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let layout = layout(text, &tokens, Span::new(source, end, end), &mut found);
    drop(tokens);
    let session = Session {
        source,
        text,
        events: RefCell::new(Events { all: layout.events, next: 0 }),
        problems: RefCell::new(found),
        depth: Cell::new(0),
        expected: Cell::new(Expected::default()),
    };
    let mut file = stmt::file(Tokens { rest: &layout.tokens, session: &session });
    let mut found = session.problems.into_inner();
    found.sort_by_key(|d| (d.primary.span, d.code));
    found.truncate(super::DIAGNOSTICS_MAX);
    file.broken = found.iter().any(|d| d.severity == Severity::Error);
    problems.append(&mut found);
    file
}

/// What one run of the parser shares.
struct Session<'a> {
    source: SourceId,
    text: &'a str,
    events: RefCell<Events>,
    problems: RefCell<Vec<Diagnostic>>,
    depth: Cell<u32>,
    expected: Cell<Expected>,
}

/// Comments and blank lines in written order; those from `next` on have no place in the tree yet.
struct Events {
    all: Vec<Event>,
    next: usize,
}

/// What could have stood at the furthest place that was looked at.
#[derive(Clone, Copy, Default)]
struct Expected {
    /// How many tokens were left there.
    left: usize,
    /// A set of [`Want`]s.
    wants: u32,
}

/// What a parser can expect, as it is said to people.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Want {
    Word,
    Value,
    Condition,
    Operator,
    Join,
    When,
    Assign,
    Block,
    Comma,
    CloseBracket,
    CloseParen,
    End,
}

/// The tokens that are left.
#[derive(Clone, Copy)]
struct Tokens<'a> {
    rest: &'a [Tok],
    session: &'a Session<'a>,
}

/// Why a parser failed, and where.
#[derive(Debug)]
struct Failure {
    /// How many tokens were left.
    left: usize,
    /// Something better to say than what was expected.
    problem: Option<Box<Diagnostic>>,
}

/// What parsers give.
type Parsed<'a, T> = IResult<Tokens<'a>, T, Failure>;

// === impl Tokens ===

impl<'a> Tokens<'a> {
    /// The next token; the end of the file repeats for ever.
    fn peek(self) -> Tok {
        self.peek_at(0)
    }

    fn peek_at(self, n: usize) -> Tok {
        let end = Span::new(self.session.source, u32::MAX, u32::MAX);
        let none = Tok { kind: TokenKind::End, span: end, line: u32::MAX, partner: 0, reported: 0 };
        self.rest.get(n).or(self.rest.last()).copied().unwrap_or(none)
    }

    fn kind(self) -> TokenKind {
        self.peek().kind
    }

    /// Behind `n` more tokens, but never behind the end of the file.
    fn skip(self, n: usize) -> Self {
        let n = n.min(self.rest.len().saturating_sub(1));
        Self { rest: self.rest.get(n..).unwrap_or_default(), ..self }
    }

    fn text(self, span: Span) -> &'a str {
        span_text(self.session.text, span)
    }

    fn report(self, problem: Diagnostic) {
        report(&mut self.session.problems.borrow_mut(), problem);
    }

    /// A failure at the next token.
    fn fail<T>(self) -> Parsed<'a, T> {
        Err(nom::Err::Error(Failure { left: self.rest.len(), problem: None }))
    }

    /// A failure at the next token with its own words.
    fn fail_with<T>(self, problem: Diagnostic) -> Parsed<'a, T> {
        Err(nom::Err::Failure(Failure { left: self.rest.len(), problem: Some(Box::new(problem)) }))
    }

    /// Notes that something could have stood here.
    fn want(self, want: Want) {
        let mut expected = self.session.expected.get();
        if self.rest.len() != expected.left {
            expected = Expected { left: self.rest.len(), wants: 0 };
        }
        expected.wants |= want.bit();
        self.session.expected.set(expected);
    }

    /// The next token if it is of this kind; otherwise a failure that wants it.
    fn token(self, kind: TokenKind, want: Want) -> Parsed<'a, Tok> {
        self.want(want);
        if self.kind() == kind { Ok((self.skip(1), self.peek())) } else { self.fail() }
    }

    /// Runs a parser one level deeper, or fails if that is too deep.
    fn deeper<T>(self, parser: impl FnOnce(Self) -> Parsed<'a, T>) -> Parsed<'a, T> {
        let depth = self.session.depth.get();
        if depth >= super::DEPTH_MAX {
            return self.fail_with(blame::too_deep(self.peek().span));
        }
        self.session.depth.set(depth + 1);
        let parsed = parser(self);
        self.session.depth.set(depth);
        parsed
    }

    /// The comments and blank lines before the next token that have no place yet. Blank lines before `from` are
    /// inside of a statement and mean nothing.
    fn leading(self, from: u32) -> Vec<Trivia> {
        let until = self.peek().span.start;
        let mut events = self.session.events.borrow_mut();
        let mut out = Vec::new();
        while let Some(event) = events.take_if(|e| e.at < until) {
            match event.comment {
                Some(comment) => out.push(Trivia::Comment(comment)),
                None if event.at >= from => out.push(Trivia::Blank),
                None => {}
            }
        }
        out
    }

    /// Like [`Self::leading`], comments only.
    fn comments(self) -> Vec<Trivia> {
        self.leading(u32::MAX)
    }

    /// The comment that stands on the same line behind what was just read.
    fn trailing(self) -> Option<Comment> {
        let until = self.peek().span.start;
        let mut events = self.session.events.borrow_mut();
        events.take_if(|e| e.at < until && !e.own_line && e.comment.is_some()).and_then(|e| e.comment)
    }

    /// The comment of a line that was read up to `from`: the one behind it, or a single one that found no place
    /// inside of it. If there are more they stay, and come before what follows.
    fn line_comment(self, from: u32) -> Option<Comment> {
        // The comment of a line stands before its line break.
        let next = if self.kind() == TokenKind::Newline { self.peek_at(1) } else { self.peek() };
        let until = next.span.start;
        let mut events = self.session.events.borrow_mut();
        while events.take_if(|e| e.comment.is_none() && e.at < from).is_some() {}
        let belongs = |e: &Event| e.comment.is_some() && e.at < until && (e.at < from || !e.own_line);
        if events.peek(1).is_some_and(belongs) {
            return None;
        }
        events.take_if(belongs).and_then(|e| e.comment)
    }
}

// === impl Events ===

impl Events {
    fn peek(&self, n: usize) -> Option<&Event> {
        self.all.get(self.next + n)
    }

    fn take_if(&mut self, belongs: impl Fn(&Event) -> bool) -> Option<Event> {
        let event = self.all.get_mut(self.next).filter(|e| belongs(e))?;
        self.next += 1;
        Some(Event { at: event.at, comment: event.comment.take(), own_line: event.own_line })
    }
}

impl<'a> Input for Tokens<'a> {
    type Item = Tok;
    type Iter = std::iter::Copied<std::slice::Iter<'a, Tok>>;
    type IterIndices = std::iter::Enumerate<Self::Iter>;

    fn input_len(&self) -> usize {
        self.rest.len()
    }

    fn take(&self, index: usize) -> Self {
        Self { rest: self.rest.get(..index).unwrap_or(self.rest), ..*self }
    }

    fn take_from(&self, index: usize) -> Self {
        Self { rest: self.rest.get(index..).unwrap_or_default(), ..*self }
    }

    fn take_split(&self, index: usize) -> (Self, Self) {
        (self.take_from(index), self.take(index))
    }

    fn position<P: Fn(Self::Item) -> bool>(&self, predicate: P) -> Option<usize> {
        self.rest.iter().position(|t| predicate(*t))
    }

    fn iter_elements(&self) -> Self::Iter {
        self.rest.iter().copied()
    }

    fn iter_indices(&self) -> Self::IterIndices {
        self.iter_elements().enumerate()
    }

    fn slice_index(&self, count: usize) -> Result<usize, Needed> {
        if count <= self.rest.len() { Ok(count) } else { Err(Needed::new(count - self.rest.len())) }
    }
}

// === impl Failure ===

impl ParseError<Tokens<'_>> for Failure {
    fn from_error_kind(input: Tokens<'_>, _: ErrorKind) -> Self {
        Self { left: input.rest.len(), problem: None }
    }

    fn append(_: Tokens<'_>, _: ErrorKind, other: Self) -> Self {
        other
    }

    /// The failure that got further is the one to tell.
    fn or(self, other: Self) -> Self {
        if self.left < other.left { self } else { other }
    }
}

// === impl Want ===

impl Want {
    const ALL: [Self; 12] = [
        Self::Word,
        Self::Value,
        Self::Condition,
        Self::Operator,
        Self::Join,
        Self::When,
        Self::Assign,
        Self::Block,
        Self::Comma,
        Self::CloseBracket,
        Self::CloseParen,
        Self::End,
    ];

    fn bit(self) -> u32 {
        match self {
            Self::Word => 1,
            Self::Value => 1 << 1,
            Self::Condition => 1 << 2,
            Self::Operator => 1 << 3,
            Self::When => 1 << 4,
            Self::Assign => 1 << 5,
            Self::Block => 1 << 6,
            Self::Comma => 1 << 7,
            Self::CloseBracket => 1 << 8,
            Self::CloseParen => 1 << 9,
            Self::End => 1 << 10,
            Self::Join => 1 << 11,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Word => "a word",
            Self::Value => "a value",
            Self::Condition => "a condition",
            Self::Operator => "an operator",
            Self::Join => "`and`/`or`",
            Self::When => "`when`",
            Self::Assign => "`=`",
            Self::Block => "`{`",
            Self::Comma => "`,`",
            Self::CloseBracket => "`]`",
            Self::CloseParen => "`)`",
            Self::End => "the end of the line",
        }
    }
}
