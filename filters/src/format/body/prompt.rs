//! Where the texts of a conversation are.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::format::peek::{Peek, PeekError, is_lookalike};
use crate::format::shape::{Layout, System};
use crate::json::scan::{JsonError, Kind, Scanner, Value, inside};
use crate::json::text;

/// The texts of a request, in order.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    pub(super) turns: Vec<Turn>,
    pub(super) parts: Vec<Part>,
    pub(super) images: u64,
    pub(super) has_audio: bool,
    /// Tokens that the client sent as such, instead of text.
    pub(super) tokens_given: u64,
}

/// A turn of the conversation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) role: Role,
    /// The role as it is written.
    written: Option<Value>,
}

/// One text of a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) turn: usize,
    pub(super) role: Role,
    pub(super) value: Value,
}

/// Whose words they are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    System,
    User,
    Assistant,
    Tool,
}

/// What turns, parts and calls keep texts under; a reader that ignores case must not see other texts than we do.
const KEYS: &[&str] = &[
    "role",
    "type",
    "content",
    "text",
    "refusal",
    "thinking",
    "input",
    "output",
    "arguments",
    "tool_calls",
    "function",
    "function_call",
    "source",
    "data",
    "summary",
];

/// Lists of parts in parts: a tool's result in a turn, a source in that. What lies deeper is no text.
const NESTING_MAX: u32 = 6;

/// The members of a turn, a part or a call that matter here.
#[derive(Debug, Default)]
struct Object {
    role: Option<Value>,
    kind: Option<Value>,
    /// Text, or lists of parts.
    texts: SmallVec<[Value; 2]>,
    /// Calls: an object or a list of them.
    calls: SmallVec<[Value; 1]>,
    /// Arguments of a call: text, or any JSON.
    arguments: SmallVec<[Value; 1]>,
    source: Option<Value>,
    data: Option<Value>,
}

// === impl Turn ===

impl Turn {
    pub(super) fn name<'b>(&self, body: &'b [u8]) -> Cow<'b, str> {
        match self.written.and_then(|written| text::decode(body, written)) {
            Some(written) => written,
            None => Cow::Borrowed(match self.role {
                Role::System => "system",
                Role::User => "user",
                Role::Assistant => "assistant",
                Role::Tool => "tool",
            }),
        }
    }
}

// === impl Part ===

impl Part {
    pub(super) fn text<'b>(&self, body: &'b [u8]) -> Cow<'b, str> {
        text::decode(body, self.value).unwrap_or_default()
    }
}

// === impl Prompt ===

impl Prompt {
    pub(super) fn read(layout: &Layout, body: &[u8], seen: &Peek) -> Result<Self, PeekError> {
        let mut prompt = Self::default();
        if let System::Member(name) = layout.system
            && let Some(member) = seen.member(body, name).filter(|member| member.value.kind != Kind::Null)
        {
            prompt.turns.push(Turn { role: Role::System, written: None });
            prompt.content(body, Role::System, member.value, 0)?;
        }
        let plain = layout.plain.and_then(|name| seen.member(body, name)).map(|member| member.value);
        let turns = layout.turns.and_then(|name| seen.member(body, name)).map(|member| member.value);
        match (turns, plain) {
            (Some(turns), _) if turns.kind == Kind::Array => items(body, turns, |turn| prompt.turn(body, turn))?,
            (_, Some(plain)) => {
                prompt.turns.push(Turn { role: Role::User, written: None });
                prompt.content(body, Role::User, plain, 0)?;
            }
            (Some(_) | None, None) => {}
        }
        Ok(prompt)
    }

    /// One turn: an object, or in a list of inputs a plain string.
    fn turn(&mut self, body: &[u8], turn: Value) -> Result<(), PeekError> {
        if turn.kind != Kind::Object {
            self.turns.push(Turn { role: Role::User, written: None });
            return self.content(body, Role::User, turn, 0);
        }
        let object = Object::read(body, turn)?;
        let written = object.role.filter(|role| role.kind.is_string());
        let role = match written.and_then(|role| text::decode(body, role)) {
            Some(name) => role_of(&name),
            None => role_of_item(object.kind(body)),
        };
        self.turns.push(Turn { role, written });
        self.object(body, role, &object, 0)
    }

    /// The texts of a turn, of one of its parts or of a call.
    fn object(&mut self, body: &[u8], role: Role, object: &Object, nesting: u32) -> Result<(), PeekError> {
        let mut role = role;
        match object.kind(body) {
            b"image_url" | b"input_image" | b"image" => {
                self.images += 1;
                return Ok(());
            }
            b"input_audio" | b"audio" => {
                self.has_audio = true;
                return Ok(());
            }
            b"tool_result" => role = Role::Tool,
            _other => {}
        }
        for &value in &object.texts {
            self.content(body, role, value, nesting)?;
        }
        for &value in &object.calls {
            self.content(body, Role::Assistant, value, nesting)?;
        }
        for &value in &object.arguments {
            self.leaves(role, &mut Scanner::within(body, value.span))?;
        }
        match object.source {
            Some(source) if source.kind == Kind::Object => self.source(body, role, source, nesting),
            Some(_) | None => Ok(()),
        }
    }

    /// The text of a document, where it is text: <https://docs.anthropic.com/en/docs/build-with-claude/citations>
    fn source(&mut self, body: &[u8], role: Role, source: Value, nesting: u32) -> Result<(), PeekError> {
        let source = Object::read(body, source)?;
        let texts = match source.kind(body) {
            b"text" => source.data.into_iter().collect(),
            b"content" => source.texts,
            _other => return Ok(()),
        };
        texts.iter().try_for_each(|&value| self.content(body, role, value, nesting + 1))
    }

    /// Text, a part, or a list of parts.
    fn content(&mut self, body: &[u8], role: Role, value: Value, nesting: u32) -> Result<(), PeekError> {
        match value.kind {
            Kind::Plain | Kind::Escaped => self.parts.push(Part { turn: self.turns.len(), role, value }),
            Kind::Array if nesting < NESTING_MAX => {
                items(body, value, |item| self.content(body, role, item, nesting + 1))?;
            }
            Kind::Object if nesting < NESTING_MAX => {
                self.object(body, role, &Object::read(body, value)?, nesting + 1)?;
            }
            Kind::Number => self.tokens_given += 1,
            Kind::Null | Kind::True | Kind::False | Kind::Array | Kind::Object => {}
        }
        Ok(())
    }

    /// Every string in the value that comes next, keys excepted. Recursion goes as deep as a body may nest.
    fn leaves(&mut self, role: Role, scan: &mut Scanner<'_>) -> Result<(), JsonError> {
        match scan.kind()? {
            Kind::Array => scan.items(|scan| self.leaves(role, scan)),
            Kind::Object => scan.members(|scan, _| self.leaves(role, scan)),
            Kind::Null | Kind::True | Kind::False | Kind::Number | Kind::Plain | Kind::Escaped => {
                let value = scan.skip()?;
                if value.kind.is_string() {
                    self.parts.push(Part { turn: self.turns.len(), role, value });
                }
                Ok(())
            }
        }
    }
}

// === impl Object ===

impl Object {
    fn read(body: &[u8], value: Value) -> Result<Self, PeekError> {
        let mut object = Self::default();
        let mut scan = Scanner::within(body, value.span);
        scan.enter_object()?;
        let mut first = true;
        while let Some(key) = scan.next_key(first)? {
            first = false;
            if is_lookalike(body, key, KEYS) {
                return Err(PeekError::LookalikeKey { offset: key.span.start });
            }
            let value = scan.skip()?;
            match &*text::decode(body, key).unwrap_or_default() {
                "role" => object.role = Some(value),
                "type" => object.kind = Some(value),
                "content" | "text" | "refusal" | "thinking" | "output" | "summary" => object.texts.push(value),
                "tool_calls" | "function" | "function_call" => object.calls.push(value),
                "arguments" | "input" => object.arguments.push(value),
                "source" => object.source = Some(value),
                "data" => object.data = Some(value),
                _other => {}
            }
        }
        Ok(object)
    }

    fn kind<'b>(&self, body: &'b [u8]) -> &'b [u8] {
        self.kind.filter(|kind| kind.kind == Kind::Plain).map(|kind| inside(body, kind)).unwrap_or_default()
    }
}

fn items(body: &[u8], array: Value, mut see: impl FnMut(Value) -> Result<(), PeekError>) -> Result<(), PeekError> {
    let mut scan = Scanner::within(body, array.span);
    scan.enter_array()?;
    let mut first = true;
    while scan.next_item(first)? {
        first = false;
        see(scan.skip()?)?;
    }
    Ok(())
}

/// A role this crate does not know is judged as the user's.
fn role_of(name: &str) -> Role {
    match name {
        "system" | "developer" => Role::System,
        "assistant" | "model" => Role::Assistant,
        "tool" | "function" => Role::Tool,
        _user_or_unknown => Role::User,
    }
}

/// Of an item of the Responses API that has no role: <https://platform.openai.com/docs/api-reference/responses/create>
fn role_of_item(kind: &[u8]) -> Role {
    if kind.ends_with(b"_output") {
        Role::Tool
    } else if kind.ends_with(b"_call") || kind == b"reasoning" {
        Role::Assistant
    } else {
        Role::User
    }
}
