//! A typed look at a TOML document that collects every problem instead of stopping at the first.
//!
//! Each question names its key, so that the keys asked for are the keys that exist: what is left over in the
//! document is an unknown key, with a suggestion. This module refuses to know what the keys mean.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use weir_dsl::hir::SecretRef;

use super::error::{ConfError, Problem};
use crate::secret::{self, SecretError};

/// What was found while reading one file: problems, and the keys that were asked for.
#[derive(Debug)]
pub(super) struct Notes<'a> {
    file: &'a str,
    text: &'a str,
    problems: RefCell<Vec<ConfError>>,
    keys: RefCell<Vec<String>>,
}

/// One table of the document; a table that is not there answers every question with `None`.
#[derive(Debug)]
pub(super) struct Table<'a> {
    notes: &'a Notes<'a>,
    path: String,
    span: Range<usize>,
    table: Option<&'a DeTable<'a>>,
    asked: RefCell<Vec<&'static str>>,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Put<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

// === impl Notes ===

impl<'a> Notes<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, problems: RefCell::default(), keys: RefCell::default() }
    }

    /// Notes a problem at a place of the file.
    pub(super) fn problem(&self, key: impl Into<String>, at: usize, problem: Problem) {
        let place = self.place(at);
        self.problems.borrow_mut().push(ConfError { key: key.into(), place, problem });
    }

    /// Notes a problem of something that does not stand in the file.
    pub(super) fn problem_of_flag(&self, flag: &str, problem: Problem) {
        let error = ConfError { key: String::new(), place: flag.to_owned(), problem };
        self.problems.borrow_mut().push(error);
    }

    /// Problems in the order of the file.
    pub(super) fn into_problems(self) -> Vec<ConfError> {
        self.problems.into_inner()
    }

    /// Every key that was asked for, with its path.
    #[cfg(test)]
    pub(super) fn keys(&self) -> Vec<String> {
        self.keys.borrow().clone()
    }

    fn place(&self, at: usize) -> String {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        format!("{}:{line}:{column}", self.file)
    }
}

// === impl Table ===

impl<'a> Table<'a> {
    /// The whole document.
    pub(super) fn root(notes: &'a Notes<'a>, table: &'a DeTable<'a>) -> Self {
        Self { notes, path: String::new(), span: 0..0, table: Some(table), asked: RefCell::default() }
    }

    /// A table inside this one.
    pub(super) fn table(&self, key: &'static str) -> Table<'a> {
        let found = self.ask(key).and_then(|value| self.table_in(key, value));
        found.unwrap_or_else(|| Table {
            notes: self.notes,
            path: self.path_of(key),
            span: self.span.clone(),
            table: None,
            asked: RefCell::default(),
        })
    }

    /// The tables of `[[key]]`.
    pub(super) fn tables(&self, key: &'static str) -> Vec<Table<'a>> {
        let items = self.items(key, "tables written as `[[…]]`");
        items.iter().filter_map(|item| self.table_in(key, item)).collect()
    }

    /// A reference to a secret. What stands there instead is never shown: it may be the secret itself.
    pub(super) fn secret(&self, key: &'static str) -> Option<Put<SecretRef>> {
        let value = self.ask(key)?;
        let reference = value.get_ref().as_str().map_or(Err(SecretError::Malformed), secret::parse);
        match reference {
            Ok(reference) => Some(Put { value: reference, span: value.span() }),
            Err(error) => {
                self.problem(key, &value.span(), Problem::Secret(error));
                None
            }
        }
    }

    /// Whether the key is there, with whatever value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// Whether the table is there.
    pub(super) fn is_present(&self) -> bool {
        self.table.is_some()
    }

    /// A text; what it is for is said as `expected`.
    pub(super) fn text(&self, key: &'static str, expected: &str) -> Option<Put<String>> {
        let value = self.ask(key)?;
        let text = value.get_ref().as_str().filter(|text| !text.is_empty());
        let text = text.or_else(|| self.mismatch(key, value, expected))?;
        Some(Put { value: text.to_owned(), span: value.span() })
    }

    /// The path of a file.
    pub(super) fn file(&self, key: &'static str) -> Option<Put<PathBuf>> {
        self.text(key, "the path of a file").map(|put| Put { value: put.value.into(), span: put.span })
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.ask(key)?;
        value.get_ref().as_bool().or_else(|| self.mismatch(key, value, "`true` or `false`"))
    }

    /// A whole number within a range; a size is in bytes.
    pub(super) fn whole(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.ask(key)?;
        let number = value.get_ref().as_integer().and_then(|n| u64::from_str_radix(n.as_str(), n.radix()).ok());
        number.filter(|number| range.contains(number)).or_else(|| {
            self.mismatch(key, value, &format!("a whole number from {} to {}", range.start(), range.end()))
        })
    }

    /// A whole number that fits a narrower type.
    pub(super) fn number<T: TryFrom<u64>>(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<T> {
        self.whole(key, range).and_then(|n| T::try_from(n).ok())
    }

    /// Milliseconds.
    pub(super) fn millis(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<Duration> {
        self.whole(key, range).map(Duration::from_millis)
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let expected =
            format!("one of {}", words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", "));
        let text = self.text(key, &expected)?;
        let found = words.iter().find(|(word, _)| *word == text.value).map(|(_, value)| *value);
        if found.is_none() {
            self.problem(key, &text.span, Problem::Mismatch { expected, got: format!("`{}`", text.value) });
        }
        found
    }

    /// Several texts.
    pub(super) fn texts(&self, key: &'static str, expected: &str) -> Vec<Put<String>> {
        let text = |item: &Spanned<DeValue<'_>>| {
            let text = item.get_ref().as_str().or_else(|| self.mismatch(key, item, expected))?;
            Some(Put { value: text.to_owned(), span: item.span() })
        };
        self.items(key, expected).into_iter().filter_map(text).collect()
    }

    /// `IP:PORT`.
    pub(super) fn addr(&self, key: &'static str) -> Option<Put<SocketAddr>> {
        const EXPECTED: &str = "an address with its port, such as `127.0.0.1:8080` or `[::]:8080`";
        let text = self.text(key, EXPECTED)?;
        match text.value.parse() {
            Ok(value) => Some(Put { value, span: text.span }),
            Err(_) => {
                let got = format!("`{}`", text.value);
                self.problem(key, &text.span, Problem::Mismatch { expected: EXPECTED.to_owned(), got });
                None
            }
        }
    }

    /// Notes a problem with one of this table's keys.
    pub(super) fn problem(&self, key: &str, span: &Range<usize>, problem: Problem) {
        self.notes.problem(self.path_of(key), span.start, problem);
    }

    /// Notes a problem with one of this table's keys, at its value or else at the table.
    pub(super) fn problem_with(&self, key: &str, problem: Problem) {
        let span = self.table.and_then(|table| table.get(key)).map_or_else(|| self.span.clone(), Spanned::span);
        self.problem(key, &span, problem);
    }

    /// Notes that a key is missing.
    pub(super) fn missing(&self, key: &str, expected: &'static str) {
        self.notes.problem(self.path_of(key), self.span.start, Problem::Missing(expected));
    }

    /// Says that every key was asked for: what is left over is unknown.
    pub(super) fn done(&self) {
        let Some(table) = self.table else { return };
        let known = self.asked.borrow();
        for (key, _) in table.iter().filter(|(key, _)| !known.iter().any(|asked| asked == key.get_ref())) {
            let name = key.get_ref().to_string();
            let near = near(&name, &known);
            let problem = Problem::Unknown { name, near, known: known.clone() };
            self.notes.problem(self.path.clone(), key.span().start, problem);
        }
    }

    fn ask(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().push(key);
        self.notes.keys.borrow_mut().push(self.path_of(key));
        self.table.and_then(|table| table.get(key))
    }

    /// The items of a list; none when there is no such key.
    fn items(&self, key: &'static str, expected: &str) -> Vec<&'a Spanned<DeValue<'a>>> {
        let Some(value) = self.ask(key) else { return Vec::new() };
        let items = value.get_ref().as_array().or_else(|| self.mismatch(key, value, expected));
        items.map(|items| items.iter().collect()).unwrap_or_default()
    }

    fn table_in(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Option<Table<'a>> {
        let table = value.get_ref().as_table().or_else(|| self.mismatch(key, value, "a table"))?;
        Some(Table {
            notes: self.notes,
            path: self.path_of(key),
            span: value.span(),
            table: Some(table),
            asked: RefCell::default(),
        })
    }

    /// Notes that a value is not what its key takes.
    fn mismatch<T>(&self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str) -> Option<T> {
        let problem = Problem::Mismatch { expected: expected.to_owned(), got: described(value.get_ref()) };
        self.problem(key, &value.span(), problem);
        None
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

/// What stands there, in the user's words.
fn described(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.is_empty() => "an empty text".to_owned(),
        DeValue::String(text) => format!("the text `{}`", shortened(text)),
        DeValue::Integer(n) => format!("`{}`", shortened(n.as_str())),
        DeValue::Float(n) => format!("`{}`", shortened(n.as_str())),
        DeValue::Boolean(flag) => format!("`{flag}`"),
        DeValue::Datetime(at) => format!("the date `{at}`"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn shortened(text: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 40;
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// The known name that was probably meant.
fn near(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let limit = name.chars().count().div_ceil(3);
    let distance = |candidate: &&'static str| (strsim::damerau_levenshtein(name, candidate), *candidate);
    let closest = known.iter().map(distance).min()?;
    let prefixed = known.iter().find(|candidate| candidate.starts_with(name) || name.starts_with(**candidate));
    if closest.0 <= limit { Some(closest.1) } else { prefixed.copied() }
}
