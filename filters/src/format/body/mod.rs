//! What a policy asks about a request beyond its model: texts, roles, tools, parameters, any member by path.
//!
//! Tier 2 of the policy language. [`Body::read`] is paid once, when the first such field is asked: it refuses objects
//! with a key twice at any depth (a policy and an upstream could read different values) and finds where the
//! texts are. Everything is given as slices of the body where no escape stands in the way.

mod path;
mod prompt;

use std::borrow::Cow;
use std::sync::OnceLock;

use bytes::Bytes;

pub use path::{Found, PATH_ITEMS_MAX, PathStep, Scalar};

use super::Dialect;
use super::peek::{Peek, PeekError};
use crate::json::scan::{Kind, Scanner, Value};
use crate::json::unique::{self, KeyFault};
use crate::{json, tokens};
use prompt::{Part, Prompt};

/// A request body, opened for a policy.
#[derive(Debug)]
pub struct Body {
    dialect: Dialect,
    bytes: Bytes,
    seen: Peek,
    prompt: Prompt,
    system: OnceLock<Option<Box<str>>>,
    user: OnceLock<Option<Box<str>>>,
    last: OnceLock<Option<Box<str>>>,
    all: OnceLock<Option<Box<str>>>,
}

/// Tokens that an image is taken for: vendors count some hundred to some 1,600.
const IMAGE_TOKENS: u64 = 1_000;

/// Tokens that a turn costs besides its text.
const TURN_TOKENS: u64 = 4;

impl Body {
    /// Opens a body that [`super::peek::peek`] has seen. Refuses keys that stand twice in one object, and look-alikes
    /// of the keys that turns and their parts are made of.
    pub fn read(dialect: Dialect, bytes: Bytes, seen: &Peek) -> Result<Self, PeekError> {
        unique::check(&bytes).map_err(|fault| match fault {
            KeyFault::Twice(offset) => PeekError::DuplicateKey { offset },
            KeyFault::TooMany(offset) => PeekError::TooManyMembers { offset },
            KeyFault::Json(error) => PeekError::Json(error),
        })?;
        let prompt = Prompt::read(dialect.format().layout(), &bytes, seen)?;
        Ok(Self {
            dialect,
            bytes,
            seen: seen.clone(),
            prompt,
            system: OnceLock::new(),
            user: OnceLock::new(),
            last: OnceLock::new(),
            all: OnceLock::new(),
        })
    }

    /// `param.NAME`: a member of the top level that is no container. `max_tokens` means the dialect's own member for
    /// it; where a request has several, the greatest.
    pub fn param(&self, name: &str) -> Option<Scalar<'_>> {
        let spellings = super::shape::spellings(self.dialect, name);
        let mut found: Option<Scalar<'_>> = None;
        for name in spellings.as_slice() {
            let Some(member) = self.seen.member(&self.bytes, name) else { continue };
            let scalar = Scalar::of(&self.bytes, member.value);
            if matches!(scalar, Scalar::Null | Scalar::Container) {
                continue;
            }
            if found.as_ref().is_none_or(|found| found.number() < scalar.number()) {
                found = Some(scalar);
            }
        }
        found
    }

    /// `prompt.system`: the system and developer texts, joined by line feeds.
    pub fn system(&self) -> Option<&str> {
        self.text(&self.system, |part| part.role == prompt::Role::System)
    }

    /// `prompt.user`: what users said, joined by line feeds.
    pub fn user(&self) -> Option<&str> {
        self.text(&self.user, |part| part.role == prompt::Role::User)
    }

    /// `prompt.last`: what the last user turn said.
    pub fn last(&self) -> Option<&str> {
        let last = self.prompt.parts.iter().rev().find(|part| part.role == prompt::Role::User)?.turn;
        self.text(&self.last, |part| part.role == prompt::Role::User && part.turn == last)
    }

    /// `prompt.all`: every text that goes to the model as part of the conversation, results of tools and arguments of
    /// calls too.
    pub fn all(&self) -> Option<&str> {
        self.text(&self.all, |_| true)
    }

    /// `prompt.prefix`: at most the first `bytes` bytes of [`Self::all`], for hashing towards a vendor's prompt cache.
    pub fn prefix(&self, bytes: usize) -> Option<&str> {
        let all = self.all()?;
        all.get(..all.floor_char_boundary(bytes))
    }

    /// `prompt.turns`: how many turns there are besides system turns.
    pub fn turns(&self) -> usize {
        self.prompt.turns.iter().filter(|turn| turn.role != prompt::Role::System).count()
    }

    /// `prompt.roles`: the role of every turn, in order, as it is written; `system` for system text that stands outside
    /// of the turns.
    pub fn roles(&self) -> Vec<Cow<'_, str>> {
        self.prompt.turns.iter().map(|turn| turn.name(&self.bytes)).collect()
    }

    /// `uses.tools`: tools are declared.
    pub fn uses_tools(&self) -> bool {
        ["tools", "functions"].iter().any(|name| {
            self.seen
                .member(&self.bytes, name)
                .is_some_and(|member| member.value.kind == Kind::Array && !self.is_blank(member.value))
        })
    }

    /// `uses.images`: a turn has an image.
    pub fn uses_images(&self) -> bool {
        self.prompt.images > 0
    }

    /// `uses.audio`: a turn has audio, or audio is wanted.
    pub fn uses_audio(&self) -> bool {
        self.prompt.has_audio
            || self.seen.member(&self.bytes, "audio").is_some_and(|audio| audio.value.kind == Kind::Object)
    }

    /// `uses.json_schema`: the answer must follow a schema.
    pub fn uses_json_schema(&self) -> bool {
        const PLACES: [&[&str]; 4] =
            [&["response_format"], &["text", "format"], &["output_format"], &["output_config", "format"]];
        PLACES.iter().any(|place| {
            let path = place.iter().chain(&["type"]).map(|key| PathStep::Key(key));
            let path: smallvec::SmallVec<[PathStep<'_>; 3]> = path.collect();
            matches!(self.lookup(&path), Found::One(Scalar::Text(kind)) if kind == "json_schema")
        })
    }

    /// `tool.names`: names of the declared tools; a vendor-run tool without one is named by its type.
    pub fn tool_names(&self) -> Vec<Cow<'_, str>> {
        let mut names = Vec::new();
        for list in ["tools", "functions"] {
            let Some(member) = self.seen.member(&self.bytes, list) else { continue };
            // INVARIANT: the body is known to be JSON, so an error ends a walk only where the value is no list.
            let _ = Scanner::within(&self.bytes, member.value.span).items(|scan| {
                let tool = scan.skip()?;
                names.extend(self.tool_name(tool));
                Ok(())
            });
        }
        names
    }

    /// `meta.KEY`: a text of the request's `metadata`.
    pub fn meta(&self, key: &str) -> Option<Cow<'_, str>> {
        match self.lookup(&[PathStep::Key("metadata"), PathStep::Key(key)]) {
            Found::One(Scalar::Text(text)) => Some(text),
            Found::One(_) | Found::Absent | Found::Many(_) => None,
        }
    }

    /// `body.<path>`: whatever stands there.
    pub fn lookup(&self, path: &[PathStep<'_>]) -> Found<'_> {
        let Some((PathStep::Key(first), rest)) = path.split_first() else { return Found::Absent };
        match self.seen.member(&self.bytes, first) {
            Some(member) => path::lookup(&self.bytes, member.value, rest),
            None => Found::Absent,
        }
    }

    /// `tokens.input`: about how many tokens the request sends in, declarations of tools included.
    pub fn tokens_input(&self) -> u64 {
        let texts: u64 = self.prompt.parts.iter().map(|part| tokens::estimate(&part.text(&self.bytes))).sum();
        let tools: u64 = ["tools", "functions", "response_format"]
            .iter()
            .filter_map(|name| self.seen.member(&self.bytes, name))
            .map(|member| tokens::estimate(&String::from_utf8_lossy(member.value.span.of(&self.bytes))))
            .sum();
        let turns = u64::try_from(self.prompt.turns.len()).unwrap_or(u64::MAX);
        let fixed = turns.saturating_mul(TURN_TOKENS).saturating_add(self.prompt.images.saturating_mul(IMAGE_TOKENS));
        texts.saturating_add(tools).saturating_add(fixed).saturating_add(self.prompt.tokens_given)
    }

    /// `tokens.wanted`: input and the most that may come out, if the request says.
    pub fn tokens_wanted(&self) -> u64 {
        let output = self.param("max_tokens").and_then(|output| output.number());
        let output = output.and_then(|output| format!("{output:.0}").parse().ok()).unwrap_or(0);
        self.tokens_input().saturating_add(output)
    }

    fn text<'a>(&'a self, cell: &'a OnceLock<Option<Box<str>>>, wanted: impl Fn(&Part) -> bool) -> Option<&'a str> {
        let parts = || self.prompt.parts.iter().filter(|part| wanted(part));
        let mut two = parts();
        // One text without escapes needs no copy.
        if let (Some(only), None) = (two.next(), two.next())
            && let Some(Cow::Borrowed(text)) = json::text::decode(&self.bytes, only.value)
        {
            return Some(text);
        }
        let join = || {
            let texts: Vec<Cow<'_, str>> = parts().map(|part| part.text(&self.bytes)).collect();
            if texts.is_empty() { None } else { Some(texts.join("\n").into()) }
        };
        cell.get_or_init(join).as_deref()
    }

    fn tool_name(&self, tool: Value) -> Option<Cow<'_, str>> {
        const PLACES: [&[&str]; 4] = [&["function", "name"], &["custom", "name"], &["name"], &["type"]];
        PLACES.iter().find_map(|place| {
            let path: smallvec::SmallVec<[PathStep<'_>; 2]> = place.iter().map(|key| PathStep::Key(key)).collect();
            match path::lookup(&self.bytes, tool, &path) {
                Found::One(Scalar::Text(name)) => Some(name),
                Found::One(_) | Found::Absent | Found::Many(_) => None,
            }
        })
    }

    fn is_blank(&self, value: Value) -> bool {
        Scanner::within(&self.bytes, value.span).skip_blank().unwrap_or(true)
    }
}
