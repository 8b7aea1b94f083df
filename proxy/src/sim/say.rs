//! What a simulated vendor says, as bytes in the request's format.
//!
//! The grammars are `weir_filters`'; what stands here is which words a vendor would choose.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};
use weir_filters::format::compose::{self, ToolCall};
use weir_filters::format::{ApiError, Dialect as Format, ErrorKind, FinishReason, Meaning, Usage, UsageAsked};
use weir_filters::frame::sse::{Frame, SseDecoder};

use super::asked::{Asked, Dialect};
use super::script::{Answer, Content, FileTool, UsageShape, words};

/// Seconds since 1970 in every answer: answers are the same on every run.
const CREATED: u64 = 1_760_000_000;
/// Numbers in an embedding when the request does not say how many.
const DIMENSIONS: usize = 8;
/// Most numbers in an embedding.
const DIMENSIONS_MAX: usize = 4_096;
/// Most texts that are embedded in one request.
const INPUTS_MAX: usize = 2_048;
/// Arguments of a tool call are streamed in pieces of so many characters.
const ARGUMENTS_PIECE_CHARS: usize = 8;

/// The content of an answer.
#[derive(Debug)]
pub(super) struct Said {
    id: String,
    model: String,
    pieces: Vec<String>,
    tools: Vec<SaidTool>,
    usage: Usage,
    usage_shape: UsageShape,
    finish: FinishReason,
}

/// A tool call, its arguments in the pieces of a stream.
#[derive(Debug)]
struct SaidTool {
    id: String,
    name: String,
    arguments: Vec<String>,
}

// === impl Said ===

impl Said {
    /// What `answer` says to this request, the `number`-th of this vendor.
    pub(super) fn new(asked: &Asked<'_>, number: u64, answer: &Answer) -> Self {
        let model = asked.model.as_deref().unwrap_or("sim");
        let pieces = match &answer.content {
            Content::Pieces(pieces) => pieces.clone(),
            Content::Default | Content::Raw(_) | Content::Error(_) => words(&format!(
                "Hello from weir's simulated model: you asked `{model}` with {} bytes.",
                asked.body_bytes()
            )),
        };
        let tools: Vec<_> = answer.tools.iter().enumerate().map(|(i, tool)| SaidTool::new(number, i, tool)).collect();
        Self {
            id: id(asked, number),
            model: model.to_owned(),
            usage: usage(asked, answer, pieces.len() + tools.len()),
            usage_shape: answer.usage_shape,
            finish: match (answer.max_tokens_reached, tools.is_empty()) {
                (true, _) => FinishReason::Length,
                (false, true) => FinishReason::Stop,
                (false, false) => FinishReason::ToolCalls,
            },
            pieces,
            tools,
        }
    }

    /// Lends the answer to a composer.
    fn with<T>(&self, compose: impl FnOnce(&compose::Answer<'_>) -> T) -> T {
        let text: Vec<&str> = self.pieces.iter().map(String::as_str).collect();
        let arguments: Vec<Vec<&str>> =
            self.tools.iter().map(|tool| tool.arguments.iter().map(String::as_str).collect()).collect();
        let tool_calls: Vec<ToolCall<'_>> = self
            .tools
            .iter()
            .zip(&arguments)
            .map(|(tool, arguments)| ToolCall { id: &tool.id, name: &tool.name, arguments })
            .collect();
        compose(&compose::Answer {
            id: &self.id,
            created: CREATED,
            model: &self.model,
            text: &text,
            tool_calls: &tool_calls,
            usage: self.usage,
            finish: self.finish,
            vectors: &[],
            base64: false,
        })
    }
}

impl SaidTool {
    fn new(number: u64, index: usize, tool: &FileTool) -> Self {
        let chars: Vec<char> = tool.arguments.chars().collect();
        Self {
            id: format!("call_sim{number}_{index}"),
            name: tool.name.clone(),
            arguments: chars.chunks(ARGUMENTS_PIECE_CHARS).map(|piece| piece.iter().collect()).collect(),
        }
    }
}

fn id(asked: &Asked<'_>, number: u64) -> String {
    let prefix = match asked.dialect {
        Dialect::Chat => "chatcmpl-",
        Dialect::Completions => "cmpl-",
        Dialect::Responses => "resp_",
        Dialect::Messages => "msg_",
        Dialect::CountTokens | Dialect::Embeddings | Dialect::Models | Dialect::Other => "",
    };
    format!("{prefix}sim{number}")
}

/// As the script says, or guessed: four bytes are a token in, a piece is a token out.
fn usage(asked: &Asked<'_>, answer: &Answer, pieces: usize) -> Usage {
    match answer.usage {
        Some(usage) => Usage {
            input: usage.input,
            output: usage.output,
            cached: usage.cached,
            cache_written: 0,
            reasoning: usage.reasoning,
        },
        None => Usage { input: number(input_tokens(asked)), output: number(pieces), ..Usage::default() },
    }
}

fn input_tokens(asked: &Asked<'_>) -> usize {
    asked.body_bytes() / 4
}

fn number(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

// === answers ===

/// The answer in one piece.
pub(super) fn whole(format: Format, said: &Said) -> Bytes {
    said.with(|answer| compose::whole(format, answer))
}

/// The answer as events of a stream.
pub(super) fn events(format: Format, said: &Said, wants_usage: bool) -> Vec<Bytes> {
    let include_usage = match said.usage_shape {
        UsageShape::AsAsked => wants_usage,
        UsageShape::Always | UsageShape::OnFinish => true,
        UsageShape::Absent => false,
    };
    let mut events = said.with(|answer| compose::stream(format, answer, include_usage));
    if said.usage_shape == UsageShape::OnFinish {
        usage_on_finish(format, &mut events, said.usage);
    }
    events
}

/// Moves the usage from the chunk of its own to the one that says why the answer stops.
fn usage_on_finish(format: Format, events: &mut Vec<Bytes>, usage: Usage) {
    let told = json!({
        "prompt_tokens": usage.input, "completion_tokens": usage.output, "total_tokens": usage.total(),
    });
    let meanings = meanings(format, events);
    for (event, meaning) in events.iter_mut().zip(&meanings) {
        if let Meaning::Finish(_) = meaning {
            let text = String::from_utf8_lossy(event).replace("\"usage\":null", &format!("\"usage\":{told}"));
            *event = Bytes::from(text);
        }
    }
    let mut meanings = meanings.into_iter();
    events.retain(|_| meanings.next() != Some(Meaning::Usage));
}

/// How many events come before the `n + 1`-th that carries a piece of the answer.
pub(super) fn position_after_tokens(format: Format, events: &[Bytes], n: usize) -> usize {
    let meanings = meanings(format, events);
    let mut tokens = meanings.iter().enumerate().filter(|(_, meaning)| **meaning == Meaning::Content);
    tokens.nth(n).map_or(events.len(), |(at, _)| at)
}

/// What each event of our own says; all of them are whole frames.
fn meanings(format: Format, events: &[Bytes]) -> Vec<Meaning> {
    let mut reader = format.stream_reader(UsageAsked::AsClientSaid);
    frames(events).iter().map(|frame| reader.read(frame).meaning).collect()
}

fn frames(events: &[Bytes]) -> Vec<Frame> {
    let mut decoder = SseDecoder::new(usize::MAX);
    let mut frames = Vec::with_capacity(events.len());
    for event in events {
        decoder.push(event.clone());
        while let Ok(Some(frame)) = decoder.next_frame() {
            frames.push(frame);
        }
    }
    frames
}

/// An error inside a stream of which `sent` has gone out.
pub(super) fn error_event(format: Format, sent: &[Bytes], message: &str) -> Bytes {
    let mut reader = format.stream_reader(UsageAsked::AsClientSaid);
    for frame in frames(sent) {
        reader.read(&frame);
    }
    reader.error_event(&api_error(StatusCode::INTERNAL_SERVER_ERROR, message))
}

/// An error as a body.
pub(super) fn error(asked: &Asked<'_>, status: StatusCode, message: &str) -> Bytes {
    let format = match asked.dialect {
        Dialect::Messages | Dialect::CountTokens => Format::AnthropicMessages,
        Dialect::Chat
        | Dialect::Completions
        | Dialect::Responses
        | Dialect::Embeddings
        | Dialect::Models
        | Dialect::Other => Format::OpenAiChat,
    };
    format.error_body(&api_error(status, message))
}

fn api_error(status: StatusCode, message: &str) -> ApiError {
    let (kind, code) = match status.as_u16() {
        401 => (ErrorKind::Authentication, "invalid_api_key"),
        403 => (ErrorKind::Permission, "forbidden"),
        404 => (ErrorKind::NotFound, "model_not_found"),
        413 => (ErrorKind::TooLarge, "request_too_large"),
        429 => (ErrorKind::RateLimited, "rate_limit_exceeded"),
        503 | 529 => (ErrorKind::Overloaded, "overloaded"),
        504 => (ErrorKind::Timeout, "timeout"),
        500..=599 => (ErrorKind::Internal, "server_error"),
        _ => (ErrorKind::InvalidRequest, "invalid_request"),
    };
    ApiError {
        kind,
        code: code.into(),
        message: message.to_owned(),
        param: None,
        status: status.as_u16(),
        request_id: None,
    }
}

/// The list of models.
pub(super) fn models(models: &[String]) -> Bytes {
    let data: Vec<Value> = models
        .iter()
        .map(|id| json!({"id": id, "object": "model", "created": CREATED, "owned_by": "weir-sim"}))
        .collect();
    Bytes::from(json!({"object": "list", "data": data}).to_string())
}

/// Anthropic's token count.
pub(super) fn token_count(asked: &Asked<'_>) -> Bytes {
    Bytes::from(json!({"input_tokens": input_tokens(asked)}).to_string())
}

/// Embeddings of as many texts as were sent: the `i`-th points where no other does.
pub(super) fn embeddings(asked: &Asked<'_>, number: u64, answer: &Answer) -> Bytes {
    let dimensions = asked.dimensions.unwrap_or(DIMENSIONS).min(DIMENSIONS_MAX);
    let vectors: Vec<Vec<f32>> = (0..asked.inputs.min(INPUTS_MAX))
        .map(|input| (0..dimensions).map(|at| if at == input % dimensions { 1.0 } else { 0.0 }).collect())
        .collect();
    let vectors: Vec<&[f32]> = vectors.iter().map(Vec::as_slice).collect();
    let answer = compose::Answer {
        id: &id(asked, number),
        created: CREATED,
        model: asked.model.as_deref().unwrap_or("sim"),
        text: &[],
        tool_calls: &[],
        usage: usage(asked, answer, 0),
        finish: FinishReason::Stop,
        vectors: &vectors,
        base64: asked.base64,
    };
    compose::whole(Format::OpenAiEmbeddings, &answer)
}
