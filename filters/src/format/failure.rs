//! Reading a vendor's error, from whatever shape it has, and saying what it amounts to.
//!
//! Shapes seen in the wild: `{"error":{message,type,param,code}}` (OpenAI, Azure and most imitators), `{"error":"text"}`,
//! `{"type":"error","error":{type,message}}` (Anthropic), `{"object":"error","message":…,"type":…,"code":…}` (vLLM,
//! Mistral), `{"type":"response.failed","response":{"error":{…}}}` (Responses), `[{"error":{…}}]` (Gemini),
//! `{"detail":…}` (FastAPI), HTML, nothing at all; and any of them cut off.

use super::error::{Failure, MESSAGE_BYTES_MAX, VendorError};
use crate::json::scan::{JsonError, Kind, Scanner};
use crate::json::text;

/// Most bytes of a body that is not readable JSON which are searched for words.
const SEARCH_BYTES_MAX: usize = 4096;

/// Reads an error. `status` is that of the answer, `None` inside a 200. `body` may be cut off anywhere.
pub(crate) fn read(status: Option<u16>, body: &[u8]) -> Box<VendorError> {
    let mut found = Found::default();
    // What was found before a body broke off still counts.
    let is_cut = found.read(&mut Scanner::new(body), 0).is_err();
    let words = match &found.message {
        Some(message) => message.clone(),
        None if is_cut => {
            String::from_utf8_lossy(body.get(..body.len().min(SEARCH_BYTES_MAX)).unwrap_or_default()).into_owned()
        }
        None => String::new(),
    };
    let status = status.or_else(|| found.status());
    let failure = classify(status, found.kind.as_deref(), found.code.as_deref(), &words.to_ascii_lowercase());
    Box::new(VendorError {
        failure,
        status,
        kind: found.kind.map(Into::into),
        code: found.code.map(Into::into),
        message: found.message.map(|message| shorten(message).into()),
    })
}

#[derive(Debug, Default)]
struct Found {
    kind: Option<String>,
    code: Option<String>,
    message: Option<String>,
}

/// Errors nest: `response.error`, `error.error`, an array around it. Deeper ones are nobody's.
const NESTING_MAX: u32 = 4;

impl Found {
    fn read(&mut self, scan: &mut Scanner<'_>, nesting: u32) -> Result<(), JsonError> {
        match scan.kind()? {
            Kind::Array if nesting < NESTING_MAX => scan.items(|scan| self.read(scan, nesting + 1)),
            Kind::Object if nesting < NESTING_MAX => scan.members(|scan, key| match key {
                b"error" | b"response" | b"innererror" if scan.kind()? == Kind::Object => {
                    self.read(scan, nesting + 1)
                }
                b"error" | b"message" | b"detail" if scan.kind()? == Kind::Plain => {
                    keep(&mut self.message, read_text(scan)?);
                    Ok(())
                }
                b"type" | b"status" => {
                    // Azure repeats the status here, as a number.
                    let is_word = scan.kind()? == Kind::Plain;
                    let kind = read_text(scan)?.filter(|kind| is_word && !is_envelope(kind));
                    keep(&mut self.kind, kind);
                    Ok(())
                }
                b"code" => {
                    let code = read_text(scan)?;
                    keep(&mut self.code, code);
                    Ok(())
                }
                _other => scan.skip().map(drop),
            }),
            Kind::Null
            | Kind::True
            | Kind::False
            | Kind::Number
            | Kind::Plain
            | Kind::Escaped
            | Kind::Object
            | Kind::Array => scan.skip().map(drop),
        }
    }

    /// The status that type and code stand for, or that the code spells.
    fn status(&self) -> Option<u16> {
        let spelled =
            self.code.as_deref().and_then(|code| code.parse().ok()).filter(|code| (400..600).contains(code));
        spelled.or_else(|| [&self.kind, &self.code].into_iter().flatten().find_map(|word| status_of(word)))
    }
}

/// The innermost, most specific word wins only where there is none yet: outer members come first but are envelopes.
fn keep(place: &mut Option<String>, word: Option<String>) {
    if place.is_none() {
        *place = word.filter(|word| !word.is_empty());
    }
}

/// Types that name the envelope and not the error.
fn is_envelope(kind: &str) -> bool {
    matches!(kind, "error" | "response.failed" | "failed")
}

/// A string's or a number's text; other values are passed over.
fn read_text(scan: &mut Scanner<'_>) -> Result<Option<String>, JsonError> {
    let value = scan.skip()?;
    Ok(match value.kind {
        Kind::Number => std::str::from_utf8(value.span.of(scan.bytes())).ok().map(str::to_owned),
        Kind::Null | Kind::True | Kind::False | Kind::Plain | Kind::Escaped | Kind::Object | Kind::Array => {
            text::decode(scan.bytes(), value).map(|text| text.into_owned())
        }
    })
}

fn shorten(mut message: String) -> String {
    let end = message.floor_char_boundary(MESSAGE_BYTES_MAX);
    message.truncate(end);
    message
}

/// The status that a type or code is sent with outside of streams.
fn status_of(word: &str) -> Option<u16> {
    Some(match word {
        "invalid_request_error"
        | "bad_request"
        | "BadRequestError"
        | "INVALID_ARGUMENT"
        | "invalid_prompt"
        | "context_length_exceeded" => 400,
        "authentication_error" | "invalid_api_key" | "UNAUTHENTICATED" => 401,
        "billing_error" => 402,
        "permission_error" | "PERMISSION_DENIED" => 403,
        "not_found_error" | "model_not_found" | "NOT_FOUND" => 404,
        "request_too_large" => 413,
        "rate_limit_error"
        | "rate_limit_exceeded"
        | "insufficient_quota"
        | "tokens"
        | "requests"
        | "RESOURCE_EXHAUSTED" => 429,
        "server_error"
        | "api_error"
        | "internal_server_error"
        | "internal_error"
        | "InternalServerError"
        | "INTERNAL" => 500,
        "service_unavailable" | "service_unavailable_error" | "UNAVAILABLE" => 503,
        "timeout_error" | "DEADLINE_EXCEEDED" => 504,
        "overloaded_error" => 529,
        _other => return None,
    })
}

/// What an error amounts to. `message` is in lower case.
fn classify(status: Option<u16>, kind: Option<&str>, code: Option<&str>, message: &str) -> Failure {
    let named = |words: &[&str]| [kind, code].into_iter().flatten().any(|word| words.contains(&word));
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
    if named(&["rate_limit_exceeded", "rate_limit_error", "insufficient_quota"]) {
        return Failure::RateLimited;
    }
    let is_client_fault = matches!(status, None | Some(400 | 413 | 422));
    if named(CONTEXT_WORDS) || (is_client_fault && says(CONTEXT_PHRASES)) {
        return Failure::ContextExceeded;
    }
    if named(FILTER_WORDS) || (matches!(status, None | Some(400 | 403 | 422)) && says(FILTER_PHRASES)) {
        return Failure::ContentFilter;
    }
    let is_overload = named(OVERLOAD_WORDS) || (matches!(status, None | Some(503)) && says(OVERLOAD_PHRASES));
    match status {
        Some(529) => Failure::Overloaded,
        Some(429) => Failure::RateLimited,
        Some(500..) | None if is_overload => Failure::Overloaded,
        Some(401 | 403) => Failure::Auth,
        Some(400..=499) => Failure::ClientError,
        Some(500..) => Failure::ServerError,
        Some(_) | None => Failure::BadResponse,
    }
}

const CONTEXT_WORDS: &[&str] =
    &["context_length_exceeded", "exceed_context_size_error", "model_context_window_exceeded"];
const CONTEXT_PHRASES: &[&str] = &[
    "prompt is too long",
    "maximum context length",
    "context length exceeded",
    "context window",
    "context size",
    "input is too long",
    "input length and `max_tokens` exceed",
    "input token count",
    "too many input tokens",
    "maximum prompt length",
    "reduce the length of the messages",
];
const FILTER_WORDS: &[&str] = &[
    "content_filter",
    "content_policy_violation",
    "content_filter_error",
    "invalid_prompt",
    "moderation_blocked",
    "ResponsibleAIPolicyViolation",
    "data_inspection_failed",
];
const FILTER_PHRASES: &[&str] = &[
    "content management policy",
    "content filtering policy",
    "flagged as potentially violating",
    "requires moderation",
];
const OVERLOAD_WORDS: &[&str] = &[
    "overloaded_error",
    "overloaded",
    "engine_overloaded",
    "engine_overloaded_error",
    "server_overloaded",
    "model_overloaded",
    "slow_down",
];
const OVERLOAD_PHRASES: &[&str] = &["overloaded", "at capacity", "out of capacity", "no capacity"];
