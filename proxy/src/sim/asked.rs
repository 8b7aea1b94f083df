//! What a simulated vendor sees of a request.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde::Deserialize;
use weir_filters::format::Dialect as Format;

/// A request, as far as a script and an answer care.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    /// Path and query.
    pub(super) target: &'a str,
    pub(super) headers: &'a HeaderMap,
    /// The body in the slices it came in.
    pub(super) body: &'a [Bytes],
    /// Endpoint that was dialled; none on a socket.
    pub(super) endpoint: Option<&'a str>,
    pub(super) dialect: Dialect,
    pub(super) model: Option<Cow<'a, str>>,
    pub(super) stream: bool,
    /// Whether a chat stream shall tell its usage.
    pub(super) wants_usage: bool,
    /// How many texts to embed.
    pub(super) inputs: usize,
    /// How many numbers an embedding shall have.
    pub(super) dimensions: Option<usize>,
    /// Whether embeddings shall go out as base64.
    pub(super) base64: bool,
}

/// What a path speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Dialect {
    /// OpenAI chat completions.
    Chat,
    /// OpenAI legacy completions.
    Completions,
    /// OpenAI responses.
    Responses,
    /// Anthropic messages.
    Messages,
    /// Anthropic's token count.
    CountTokens,
    /// OpenAI embeddings.
    Embeddings,
    /// The list of models.
    Models,
    /// Anything else: echoed.
    Other,
}

/// The members of a body that an answer depends on.
#[derive(Debug, Default, Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    input: Option<Input>,
    dimensions: Option<usize>,
    encoding_format: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

/// The texts of an embeddings request: how many.
#[derive(Debug)]
struct Input(usize);

// === impl Asked ===

impl<'a> Asked<'a> {
    /// Reads what matters. `joined` is the body in one piece; a body that is not JSON asks for nothing.
    pub(super) fn new(
        method: &'a Method,
        target: &'a str,
        headers: &'a HeaderMap,
        body: &'a [Bytes],
        joined: &'a [u8],
    ) -> Self {
        let dialect = Dialect::of(target);
        let members = match dialect {
            Dialect::Models | Dialect::Other => Members::default(),
            Dialect::Chat
            | Dialect::Completions
            | Dialect::Responses
            | Dialect::Messages
            | Dialect::CountTokens
            | Dialect::Embeddings => serde_json::from_slice(joined).unwrap_or_default(),
        };
        Self {
            method,
            target,
            headers,
            body,
            endpoint: None,
            dialect,
            model: members.model,
            stream: members.stream.unwrap_or(false),
            wants_usage: members.stream_options.and_then(|o| o.include_usage).unwrap_or(false),
            inputs: members.input.map_or(1, |input| input.0),
            dimensions: members.dimensions.filter(|n| *n > 0),
            base64: members.encoding_format.as_deref() == Some("base64"),
        }
    }

    /// Path without query.
    pub(super) fn path(&self) -> &'a str {
        path(self.target)
    }

    /// Length of the body in bytes.
    pub(super) fn body_bytes(&self) -> usize {
        self.body.iter().map(Bytes::len).sum()
    }
}

fn path(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

// === impl Dialect ===

impl Dialect {
    /// By the end of the path, so that any base path works.
    fn of(target: &str) -> Self {
        let path = path(target);
        let ends = [
            ("/chat/completions", Self::Chat),
            ("/completions", Self::Completions),
            ("/responses", Self::Responses),
            ("/messages/count_tokens", Self::CountTokens),
            ("/messages", Self::Messages),
            ("/embeddings", Self::Embeddings),
            ("/models", Self::Models),
        ];
        ends.iter().find(|(end, _)| path.ends_with(end)).map_or(Self::Other, |(_, dialect)| *dialect)
    }

    /// The grammar of its answers, when they can be composed from text.
    pub(super) fn format(self) -> Option<Format> {
        match self {
            Self::Chat => Some(Format::OpenAiChat),
            Self::Completions => Some(Format::OpenAiCompletions),
            Self::Responses => Some(Format::OpenAiResponses),
            Self::Messages => Some(Format::AnthropicMessages),
            Self::CountTokens | Self::Embeddings | Self::Models | Self::Other => None,
        }
    }
}

// === impl Input ===

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Count;

        impl<'de> serde::de::Visitor<'de> for Count {
            type Value = Input;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text or a list")
            }

            fn visit_str<E>(self, _: &str) -> Result<Input, E> {
                Ok(Input(1))
            }

            /// A list of numbers is one text, already tokenised.
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Input, A::Error> {
                let mut texts = 0;
                let mut numbers = false;
                while let Some(item) = seq.next_element::<&serde_json::value::RawValue>()? {
                    numbers = item.get().starts_with(|c: char| c.is_ascii_digit());
                    texts += 1;
                }
                Ok(Input(if numbers { 1 } else { texts }))
            }
        }

        deserializer.deserialize_any(Count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dialect_follows_the_end_of_the_path() {
        let cases = [
            ("/v1/chat/completions", Dialect::Chat),
            ("/base/v1/chat/completions?x=/messages", Dialect::Chat),
            ("/v1/completions", Dialect::Completions),
            ("/v1/responses", Dialect::Responses),
            ("/v1/messages", Dialect::Messages),
            ("/v1/messages/count_tokens", Dialect::CountTokens),
            ("/v1/embeddings", Dialect::Embeddings),
            ("/v1/models", Dialect::Models),
            ("/v1/models/x", Dialect::Other),
            ("/", Dialect::Other),
        ];
        for (target, dialect) in cases {
            assert_eq!(Dialect::of(target), dialect, "{target}");
        }
    }

    #[test]
    fn members_are_read() {
        let body =
            br#"{"model":"a\"b","stream":true,"stream_options":{"include_usage":true},"input":["x","y"],"n":[{}]}"#;
        let headers = HeaderMap::new();
        let asked = Asked::new(&Method::POST, "/v1/embeddings", &headers, &[], body);
        assert_eq!(asked.model.as_deref(), Some("a\"b"));
        assert!(asked.stream && asked.wants_usage);
        assert_eq!(asked.inputs, 2);
        let asked = Asked::new(&Method::POST, "/v1/embeddings", &headers, &[], br#"{"input":[1,2,3]}"#);
        assert_eq!(asked.inputs, 1);
    }
}
