//! What a simulated vendor says, as bytes in the request's format.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::asked::{Asked, Dialect};
use super::script::{Answer, Content, FileTool, FileUsage, UsageShape, words};

/// Seconds since 1970 in every answer: answers are the same on every run.
const CREATED: u64 = 1_760_000_000;
/// Numbers in an embedding when the request does not say how many.
const DIMENSIONS: usize = 8;

/// The content of an answer.
#[derive(Debug)]
pub(super) struct Said<'a> {
    pub(super) id: String,
    pub(super) model: &'a str,
    pub(super) pieces: Vec<String>,
    pub(super) tools: &'a [FileTool],
    pub(super) usage: FileUsage,
    pub(super) usage_shape: UsageShape,
    pub(super) max_tokens_reached: bool,
}

/// One event of a stream, or a whole body.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) bytes: Bytes,
    /// Whether it carries a piece of the answer.
    pub(super) token: bool,
}

// === impl Said ===

impl<'a> Said<'a> {
    /// What `answer` says to this request, the `number`-th of this vendor.
    pub(super) fn new(asked: &'a Asked<'_>, number: u64, answer: &'a Answer) -> Self {
        let model = asked.model.as_deref().unwrap_or("sim");
        let pieces = match &answer.content {
            Content::Pieces(pieces) => pieces.clone(),
            Content::Default | Content::Raw(_) | Content::Error(_) => words(&format!(
                "Hello from weir's simulated model. You asked `{model}` with {} bytes.",
                asked.body_bytes()
            )),
        };
        let output = pieces.len() + answer.tools.len();
        let estimate = FileUsage {
            input: u64::try_from(asked.body_bytes() / 4).unwrap_or(u64::MAX),
            output: u64::try_from(output).unwrap_or(u64::MAX),
            cached: 0,
            reasoning: 0,
        };
        Self {
            id: format!("sim-{number}"),
            model,
            pieces,
            tools: &answer.tools,
            usage: answer.usage.unwrap_or(estimate),
            usage_shape: answer.usage_shape,
            max_tokens_reached: answer.max_tokens_reached,
        }
    }
}

fn usage(said: &Said<'_>) -> Value {
    let FileUsage { input, output, .. } = said.usage;
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output})
}

/// The answer in one piece.
pub(super) fn whole(_asked: &Asked<'_>, said: &Said<'_>) -> Bytes {
    let finish = if said.max_tokens_reached { "length" } else { "stop" };
    bytes(&json!({"id": said.id, "object": "chat.completion", "created": CREATED, "model": said.model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": said.pieces.concat()},
                     "finish_reason": finish}], "usage": usage(said)}))
}

/// The answer as events of a stream.
pub(super) fn events(asked: &Asked<'_>, said: &Said<'_>) -> Vec<Event> {
    let chunk = |delta: Value, finish: Option<&str>| {
        json!({"id": said.id, "object": "chat.completion.chunk", "created": CREATED, "model": said.model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
    };
    let event = |value: &Value, token| Event { bytes: Bytes::from(format!("data: {value}\n\n")), token };
    let mut events = vec![event(&chunk(json!({"role": "assistant", "content": ""}), None), false)];
    events.extend(said.pieces.iter().map(|piece| event(&chunk(json!({ "content": piece }), None), true)));
    events.push(event(&chunk(json!({}), Some("stop")), false));
    if asked.wants_usage && said.usage_shape == UsageShape::AsAsked {
        let last = json!({"id": said.id, "object": "chat.completion.chunk", "created": CREATED,
            "model": said.model, "choices": [], "usage": usage(said)});
        events.push(event(&last, false));
    }
    events.push(Event { bytes: Bytes::from_static(b"data: [DONE]\n\n"), token: false });
    events
}

/// An error in the vendor's shape.
pub(super) fn error(asked: &Asked<'_>, status: StatusCode, message: &str) -> Bytes {
    let kind = match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    if asked.dialect.is_anthropic() {
        return bytes(&json!({"type": "error", "error": {"type": kind, "message": message}}));
    }
    bytes(&json!({"error": {"message": message, "type": kind, "param": null, "code": kind}}))
}

/// An error inside a stream.
pub(super) fn error_event(asked: &Asked<'_>, message: &str) -> Bytes {
    let body = error(asked, StatusCode::INTERNAL_SERVER_ERROR, message);
    let name: &[u8] = if asked.dialect == Dialect::Chat { b"data: " } else { b"event: error\ndata: " };
    Bytes::from([name, &body, b"\n\n"].concat())
}

/// The list of models.
pub(super) fn models(models: &[String]) -> Bytes {
    let data: Vec<Value> = models
        .iter()
        .map(|id| json!({"id": id, "object": "model", "created": CREATED, "owned_by": "weir-sim"}))
        .collect();
    bytes(&json!({"object": "list", "data": data}))
}

/// Anthropic's token count.
pub(super) fn token_count(asked: &Asked<'_>) -> Bytes {
    bytes(&json!({"input_tokens": asked.body_bytes() / 4}))
}

/// Embeddings of as many texts as were sent.
pub(super) fn embeddings(asked: &Asked<'_>, _number: u64) -> Bytes {
    let data: Vec<Value> = (0..asked.inputs)
        .map(|index| json!({"object": "embedding", "index": index, "embedding": vec![0.5; DIMENSIONS]}))
        .collect();
    let tokens = asked.body_bytes() / 4;
    bytes(&json!({"object": "list", "data": data, "model": asked.model.as_deref().unwrap_or("sim"),
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}))
}

fn bytes(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}
