//! What stands behind a word, matched with the word's row.
//!
//! One matcher serves every statement: it tells positions from keyed arguments, converts units and reports what is
//! missing, doubled, unknown or of the wrong kind. Names are handed on as paths; whether they exist is not known
//! here.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use crate::diag::{Code, Diagnostic};
use crate::hir::{ClassSet, FailureClass, SecretRef};
use crate::resolve::value::{self, Mismatch};
use crate::resolve::{names, suggest};
use crate::span::Span;
use crate::syntax::ast::{Literal, Node, Path, Term, TermKind};
use crate::words::{Arg, Shape, Word};

/// A converted argument.
#[derive(Clone, Debug)]
pub(crate) enum Val<'a> {
    /// A name to be looked up, a field, a new name.
    Path(&'a Path),
    /// Text.
    Text(Arc<str>),
    /// Whole number; sizes in bytes; money in millionths of a dollar.
    Int(i64),
    /// A length of time.
    Duration(Duration),
    /// Two of them, in order.
    Durations(Duration, Duration),
    /// Per cent as written.
    Percent(f64),
    /// One of the words of its row.
    Choice(&'static str),
    /// Failure classes.
    Classes(ClassSet),
    /// Words.
    Words(Vec<Arc<str>>),
    /// A secret's place.
    Secret(SecretRef),
    /// A value as it stands.
    Term(&'a Term),
}

/// The arguments of one statement, by the order of its row.
#[derive(Debug)]
pub(crate) struct Args<'a> {
    row: &'static [Arg],
    values: SmallVec<[Option<(Val<'a>, Span)>; 6]>,
    /// Nothing was wrong with the statement's head.
    pub(crate) sound: bool,
}

/// Matches the arguments of a statement; problems are appended.
pub(crate) fn matched<'a>(word: &'static Word, node: &'a Node, problems: &mut Vec<Diagnostic>) -> Args<'a> {
    let before = problems.len();
    let mut matcher = Matcher { word, node, problems, values: SmallVec::new(), next: 0, before };
    matcher.values.resize(word.args.len(), None);
    let hole = matcher.run();
    let sound = !hole && matcher.problems.len() == before;
    Args { row: word.args, values: matcher.values, sound }
}

struct Matcher<'p, 'a> {
    word: &'static Word,
    node: &'a Node,
    problems: &'p mut Vec<Diagnostic>,
    values: SmallVec<[Option<(Val<'a>, Span)>; 6]>,
    /// Index of the next positional argument in the row.
    next: usize,
    /// Problems that were there before this statement.
    before: usize,
}

// === impl Matcher ===

impl<'a> Matcher<'_, 'a> {
    /// Returns whether there was a hole in the head; then nothing is said to be missing.
    fn run(&mut self) -> bool {
        let node = self.node;
        let mut rest = node.args.iter().peekable();
        while let Some(term) = rest.next() {
            if matches!(term.kind, TermKind::Error) {
                return true;
            }
            let due = self.due();
            if let Some((index, arg)) = due.filter(|(_, arg)| arg.required || self.keyed(term).is_none()) {
                self.next = index + 1;
                let fits = self.put(index, arg, term);
                if !fits && !arg.required {
                    continue;
                }
            } else if let Some((index, arg)) = self.keyed(term) {
                let Some(value) = rest.next() else {
                    self.lacks_value(term, arg);
                    return true;
                };
                if matches!(value.kind, TermKind::Error) {
                    return true;
                }
                self.doubled(index, term);
                self.put(index, arg, value);
                if let Some(noise) = arg.noise
                    && rest.next_if(|t| value::name(t) == Ok(noise)).is_none()
                {
                    self.lacks_noise(noise, value, rest.peek().copied());
                }
            } else {
                self.unknown(term);
                return true;
            }
        }
        self.missing();
        false
    }

    /// The next positional argument of the row.
    fn due(&self) -> Option<(usize, &'static Arg)> {
        self.word.args.iter().enumerate().skip(self.next).find(|(_, arg)| arg.key.is_none())
    }

    /// The keyed argument that this term opens.
    fn keyed(&self, term: &Term) -> Option<(usize, &'static Arg)> {
        let name = value::name(term).ok()?;
        self.word.args.iter().enumerate().find(|(_, arg)| arg.key == Some(name))
    }

    fn put(&mut self, index: usize, arg: &'static Arg, term: &'a Term) -> bool {
        match convert(arg.shape, term) {
            Ok(val) => {
                if let Some(slot) = self.values.get_mut(index) {
                    *slot = Some((val, term.span));
                }
                true
            }
            Err(problem) => {
                let what =
                    arg.key.map_or_else(|| format!("`{}`", self.word.name), |k| format!("`{} {k}`", self.word.name));
                self.problems.push(problem.into_diagnostic(&what, arg.shape, term));
                false
            }
        }
    }

    fn doubled(&mut self, index: usize, term: &Term) {
        let Some(Some((_, first))) = self.values.get(index) else { return };
        let said = value::name(term).unwrap_or_default();
        self.problems.push(
            Diagnostic::new(Code::E0209, term.span, format!("`{said}` stands twice"))
                .also(*first, "its first value")
                .help("keep one of them"),
        );
    }

    fn lacks_noise(&mut self, noise: &'static str, value: &Term, next: Option<&Term>) {
        let place = next.map_or(Span { start: value.span.end, ..value.span }, |t| t.span);
        self.problems.push(
            Diagnostic::new(Code::E0208, place, format!("`{noise}` is missing"))
                .label(format!("write `{noise}` here"))
                .help(format!("for example `{}`", self.word.example)),
        );
    }

    fn lacks_value(&mut self, term: &Term, arg: &Arg) {
        let key = arg.key.unwrap_or_default();
        self.problems.push(
            Diagnostic::new(Code::E0208, term.span, format!("`{key}` has no value"))
                .label(format!("{} is missing behind it", arg.shape.wanted()))
                .help(format!("for example `{}`", self.word.example)),
        );
    }

    fn unknown(&mut self, term: &Term) {
        let word = self.word.name;
        let keys = || self.word.args.iter().filter_map(|a| a.key);
        let problem = match value::name(term) {
            Ok(said) if keys().next().is_some() => {
                let problem = Diagnostic::new(Code::E0207, term.span, format!("`{word}` has no option `{said}`"));
                match suggest::nearest(said, keys()) {
                    Some(near) => {
                        problem.label("unknown option").help(format!("did you mean `{near}`?")).fix(term.span, near)
                    }
                    None => {
                        let all: Vec<_> = keys().collect();
                        problem.label("unknown option").help(format!("options: {}", all.join(", ")))
                    }
                }
            }
            Ok(_) | Err(Mismatch) => {
                let problem = Diagnostic::new(Code::E0207, term.span, format!("`{word}` takes nothing more here"))
                    .label(format!("{} too many", value::found(term)));
                let all: Vec<_> = keys().collect();
                let problem = if all.is_empty() {
                    problem
                } else {
                    problem.help(format!("say what it is: {}", all.join(", ")))
                };
                problem.help(format!("for example `{}`", self.word.example))
            }
        };
        self.problems.push(problem);
    }

    fn missing(&mut self) {
        if self.problems.len() > self.before {
            return;
        }
        for (arg, _) in self.word.args.iter().zip(&self.values).filter(|(a, v)| a.required && v.is_none()) {
            let message = match arg.key {
                Some(key) => format!("`{}` lacks `{key}`", self.word.name),
                None => format!("`{}` lacks {}", self.word.name, arg.shape.wanted()),
            };
            self.problems.push(
                Diagnostic::new(Code::E0208, self.node.word.span, message)
                    .help(format!("for example `{}`", self.word.example)),
            );
        }
    }
}

impl Node {
    /// From the word to the last argument.
    pub(crate) fn span_of_head(&self) -> Span {
        self.args.last().map_or(self.word.span, |last| self.word.span.to(last.span))
    }
}

// === impl Args ===

impl<'a> Args<'a> {
    fn slot(&self, found: impl Fn(&Arg) -> bool, nth: usize) -> Option<&(Val<'a>, Span)> {
        let mut hits = self.row.iter().zip(&self.values).filter(|(arg, _)| found(arg));
        hits.nth(nth).and_then(|(_, value)| value.as_ref())
    }

    /// The value of the n-th argument that is known by its position.
    pub(crate) fn at(&self, nth: usize) -> Option<&Val<'a>> {
        self.slot(|arg| arg.key.is_none(), nth).map(|(value, _)| value)
    }

    /// Its place.
    pub(crate) fn span_at(&self, nth: usize) -> Option<Span> {
        self.slot(|arg| arg.key.is_none(), nth).map(|(_, span)| *span)
    }

    /// The value behind a key.
    pub(crate) fn of(&self, key: &str) -> Option<&Val<'a>> {
        self.slot(|arg| arg.key == Some(key), 0).map(|(value, _)| value)
    }

    /// The place of the value behind a key.
    pub(crate) fn span_of(&self, key: &str) -> Option<Span> {
        self.slot(|arg| arg.key == Some(key), 0).map(|(_, span)| *span)
    }
}

// === impl Val ===

impl<'a> Val<'a> {
    pub(crate) fn path(&self) -> Option<&'a Path> {
        if let Self::Path(path) = self { Some(path) } else { None }
    }

    pub(crate) fn text(&self) -> Option<Arc<str>> {
        if let Self::Text(text) = self { Some(Arc::clone(text)) } else { None }
    }

    pub(crate) fn int(&self) -> Option<i64> {
        if let Self::Int(int) = self { Some(*int) } else { None }
    }

    pub(crate) fn duration(&self) -> Option<Duration> {
        if let Self::Duration(duration) = self { Some(*duration) } else { None }
    }

    pub(crate) fn durations(&self) -> Option<(Duration, Duration)> {
        if let Self::Durations(from, to) = self { Some((*from, *to)) } else { None }
    }

    pub(crate) fn percent(&self) -> Option<f64> {
        if let Self::Percent(percent) = self { Some(*percent) } else { None }
    }

    pub(crate) fn choice(&self) -> Option<&'static str> {
        if let Self::Choice(choice) = self { Some(choice) } else { None }
    }

    pub(crate) fn classes(&self) -> Option<ClassSet> {
        if let Self::Classes(classes) = self { Some(*classes) } else { None }
    }

    pub(crate) fn secret(&self) -> Option<SecretRef> {
        if let Self::Secret(secret) = self { Some(secret.clone()) } else { None }
    }

    pub(crate) fn term(&self) -> Option<&'a Term> {
        if let Self::Term(term) = self { Some(term) } else { None }
    }
}

// --- conversion ---------------------------------------------------------------------------------------------

/// Why a term does not fit.
enum Misfit {
    /// It is of another kind.
    Kind,
    /// It is of the right kind and says something wrong.
    Said(Box<Diagnostic>),
}

impl From<Mismatch> for Misfit {
    fn from(_: Mismatch) -> Self {
        Self::Kind
    }
}

fn convert(shape: Shape, term: &Term) -> Result<Val<'_>, Misfit> {
    Ok(match shape {
        Shape::Name | Shape::Ref(_) | Shape::Field => path(shape, term)?,
        Shape::Text => Val::Text(value::text(term)?.into()),
        Shape::File => {
            let text = value::text(term)?;
            Val::Text(text.strip_prefix("file:").unwrap_or(text).into())
        }
        Shape::Int => Val::Int(positive(value::int(term)?)?),
        Shape::Size => Val::Int(positive(value::size(term)?)?),
        Shape::Duration => Val::Duration(value::duration(term)?),
        Shape::Durations => durations(term)?,
        Shape::Percent => percent(term)?,
        Shape::Money => Val::Int(positive(value::money(term)?)?),
        Shape::Status => status(term)?,
        Shape::Choice(words) => choice(words, term)?,
        Shape::Classes => classes(term)?,
        Shape::Words => idents(term)?,
        Shape::Secret => secret(term)?,
        Shape::TextOrSecret => match value::text(term) {
            Ok(text) => Val::Text(text.into()),
            Err(Mismatch) => secret(term)?,
        },
        Shape::Header => header(term)?,
        Shape::Value | Shape::Any => Val::Term(term),
    })
}

fn path(shape: Shape, term: &Term) -> Result<Val<'_>, Misfit> {
    let TermKind::Path(path) = &term.kind else { return Err(Misfit::Kind) };
    if shape == Shape::Name && value::single(path).is_none() {
        return Err(Misfit::Kind);
    }
    Ok(Val::Path(path))
}

fn positive(value: i64) -> Result<i64, Misfit> {
    if value >= 0 { Ok(value) } else { Err(Misfit::Kind) }
}

fn said(code: Code, term: &Term, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(code, term.span, message)
}

fn durations(term: &Term) -> Result<Val<'_>, Misfit> {
    let TermKind::Range(from, to) = &term.kind else { return Err(Misfit::Kind) };
    let (from, to) = (value::duration(from)?, value::duration(to)?);
    if from > to {
        let problem = said(Code::E0301, term, "the first time is longer than the second").help("swap them");
        return Err(Misfit::Said(Box::new(problem)));
    }
    Ok(Val::Durations(from, to))
}

fn percent(term: &Term) -> Result<Val<'_>, Misfit> {
    let percent = value::percent(term)?;
    if (0.0..=100.0).contains(&percent) {
        return Ok(Val::Percent(percent));
    }
    Err(Misfit::Said(Box::new(said(Code::E0301, term, "per cent goes from `0%` to `100%`"))))
}

fn status(term: &Term) -> Result<Val<'_>, Misfit> {
    let status = value::int(term)?;
    if (200..=599).contains(&status) {
        return Ok(Val::Int(status));
    }
    let problem =
        said(Code::E0301, term, format!("`{status}` is no final HTTP status")).help("use one from 200 to 599");
    Err(Misfit::Said(Box::new(problem)))
}

fn choice<'a>(words: &'static [&'static str], term: &'a Term) -> Result<Val<'a>, Misfit> {
    let name = value::name(term)?;
    if let Some(word) = words.iter().find(|w| **w == name) {
        return Ok(Val::Choice(word));
    }
    let problem = said(Code::E0304, term, format!("`{name}` is not one of the words that can stand here"));
    let problem = match suggest::nearest(name, words.iter().copied()) {
        Some(near) => problem.help(format!("did you mean `{near}`?")).fix(term.span, near),
        None => problem.help(format!("one of: {}", words.join(", "))),
    };
    Err(Misfit::Said(Box::new(problem)))
}

fn classes(term: &Term) -> Result<Val<'_>, Misfit> {
    let TermKind::List(list) = &term.kind else { return Err(Misfit::Kind) };
    let mut set = ClassSet::EMPTY;
    for item in list.items.iter().filter(|t| !matches!(t.kind, TermKind::Error)) {
        set = set.with(class(item).map_err(Misfit::Said)?);
    }
    Ok(Val::Classes(set))
}

fn class(item: &Term) -> Result<FailureClass, Box<Diagnostic>> {
    let word = match &item.kind {
        TermKind::Literal(Literal::StatusClass(hundreds)) => format!("{hundreds}xx"),
        TermKind::Literal(Literal::Number(number)) => number.int.map_or_else(String::new, |n| n.to_string()),
        TermKind::Literal(Literal::Str(text) | Literal::Raw(text)) => text.clone(),
        TermKind::Path(path) => value::path_text(path),
        TermKind::Literal(Literal::Money(_) | Literal::Ip(..) | Literal::Clock(_) | Literal::Bool(_))
        | TermKind::Range(..)
        | TermKind::Call(..)
        | TermKind::List(_)
        | TermKind::Any
        | TermKind::All
        | TermKind::Group(_)
        | TermKind::Error => String::new(),
    };
    let quoted = matches!(item.kind, TermKind::Literal(Literal::Str(_) | Literal::Raw(_)));
    let known = FailureClass::ALL.iter().find(|(_, w)| *w == word);
    if let Some((class, _)) = known.filter(|_| !quoted) {
        return Ok(*class);
    }
    let all: Vec<_> = FailureClass::ALL.iter().map(|(_, w)| *w).collect();
    let problem = said(Code::E0505, item, format!("`{word}` is no class of failures"));
    let near = match known {
        Some((_, same)) => Some(*same),
        None if word.len() == 3 && word.starts_with('5') => Some("5xx"),
        None if word.len() == 3 && word.starts_with('4') => Some("4xx"),
        None => suggest::nearest(&word, all.iter().copied()),
    };
    let problem = match near {
        Some(near) => problem.help(format!("did you mean `{near}`?")).fix(item.span, near),
        None => problem,
    };
    Err(Box::new(problem.note(format!("classes: {}", all.join(" ")))))
}

fn idents(term: &Term) -> Result<Val<'_>, Misfit> {
    let TermKind::List(list) = &term.kind else { return Err(Misfit::Kind) };
    let mut words = Vec::with_capacity(list.items.len());
    for item in &list.items {
        words.push(value::name(item)?.into());
    }
    Ok(Val::Words(words))
}

fn secret(term: &Term) -> Result<Val<'_>, Misfit> {
    if let Ok(literal) = value::text(term) {
        let problem = said(Code::E0601, term, "a credential stands in the policy")
            .label("policies are read by many and kept for long")
            .help("write where it is found: `secret(\"env:NAME\")` or `secret(\"file:/run/secrets/name\")`");
        let problem = match literal.split_once(':').map(|(store, _)| store) {
            Some("env" | "file" | "vault") => problem.fix(term.span, format!("secret(\"{literal}\")")),
            Some(_) | None => problem,
        };
        return Err(Misfit::Said(Box::new(problem)));
    }
    match value::secret(term)? {
        Ok(secret) => Ok(Val::Secret(secret)),
        Err(why) => Err(Misfit::Said(Box::new(
            said(Code::E0301, term, why).help("for example `secret(\"env:OPENAI_API_KEY\")`"),
        ))),
    }
}

/// A header name: a path as it is written, or a text; kept in lower case.
fn header(term: &Term) -> Result<Val<'_>, Misfit> {
    let name = match names::path_of(term) {
        Some(path) => value::path_text(path),
        None => value::text(term)?.to_owned(),
    };
    if is_header_name(&name) {
        return Ok(Val::Text(name.to_ascii_lowercase().into()));
    }
    let problem = said(Code::E0301, term, format!("`{name}` is no name of a header"))
        .help("letters, digits and `-`, for example `x-team`");
    Err(Misfit::Said(Box::new(problem)))
}

/// RFC 9110 §5.6.2: `token`.
pub(crate) fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

// === impl Misfit ===

impl Misfit {
    fn into_diagnostic(self, what: &str, shape: Shape, term: &Term) -> Diagnostic {
        match self {
            Self::Said(problem) => *problem,
            Self::Kind => {
                let message = format!("{what} takes {}, not {}", shape.wanted(), value::found(term));
                let problem =
                    Diagnostic::new(Code::E0301, term.span, message).label(format!("expected {}", shape.wanted()));
                hint(shape, term, problem)
            }
        }
    }
}

/// The repair where it is obvious.
fn hint(shape: Shape, term: &Term, problem: Diagnostic) -> Diagnostic {
    let bare_number = value::int(term).ok();
    match (shape, bare_number, value::name(term)) {
        (Shape::Text | Shape::File | Shape::TextOrSecret, _, Ok(name)) => {
            problem.help(format!("put it in quotes: `\"{name}\"`")).fix(term.span, format!("\"{name}\""))
        }
        (Shape::Duration, Some(n), _) => problem.help(format!("say the unit: `{n}s` or `{n}ms`")),
        (Shape::Percent, Some(n), _) => problem.help(format!("write `{n}%`")).fix(term.span, format!("{n}%")),
        (Shape::Money, Some(n), _) => problem.help(format!("write `${n}`")).fix(term.span, format!("${n}")),
        (Shape::Classes | Shape::Words, _, Ok(name)) => {
            problem.help(format!("write a list: `[{name}]`")).fix(term.span, format!("[{name}]"))
        }
        (Shape::Name | Shape::Ref(_), _, Err(Mismatch)) => match value::text(term) {
            Ok(text) => problem.help(format!("names stand without quotes: `{text}`")),
            Err(Mismatch) => problem,
        },
        (_, _, _) => problem,
    }
}

// === impl Shape ===

impl Shape {
    /// What it wants, in words: "a text such as …".
    pub(crate) fn wanted(self) -> String {
        match self {
            Self::Name => "a name".into(),
            Self::Ref(to) => format!("the name of a {}", to.noun()),
            Self::Field => "a field such as `client.user`".into(),
            Self::Text => "a text in quotes".into(),
            Self::Int => "a whole number".into(),
            Self::Size => "a size such as `64KiB`".into(),
            Self::Duration => "a length of time such as `250ms`".into(),
            Self::Durations => "two lengths of time such as `100ms..2s`".into(),
            Self::Percent => "per cent such as `50%`".into(),
            Self::Money => "an amount such as `$2.50`".into(),
            Self::Status => "an HTTP status such as `404`".into(),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Classes => "a list of failure classes such as `[timeout, 5xx]`".into(),
            Self::Words => "a list of words such as `[tools, json]`".into(),
            Self::Secret => "a secret's place such as `secret(\"env:OPENAI_API_KEY\")`".into(),
            Self::TextOrSecret => "a text in quotes or `secret(\"…\")`".into(),
            Self::File => "a file name in quotes".into(),
            Self::Header => "the name of a header such as `x-team`".into(),
            Self::Value => "a value".into(),
            Self::Any => "an argument".into(),
        }
    }
}
