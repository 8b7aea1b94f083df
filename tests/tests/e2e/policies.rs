//! What the tests' policies and bodies share.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use weir_filters::format::{Dialect, Meaning, StreamEnd, UsageAsked};
use weir_filters::frame::sse::SseDecoder;

/// The APIs whose answers stream: path, dialect, and how an endpoint that speaks it is written.
pub const APIS: [Api; 3] = [
    Api { path: "/v1/chat/completions", dialect: Dialect::OpenAiChat, provider: "compatible", base: "/v1" },
    Api { path: "/v1/responses", dialect: Dialect::OpenAiResponses, provider: "compatible", base: "/v1" },
    Api { path: "/v1/messages", dialect: Dialect::AnthropicMessages, provider: "anthropic", base: "" },
];

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Api {
    pub path: &'static str,
    pub dialect: Dialect,
    pub provider: &'static str,
    /// What the vendor's SDK has behind the host.
    pub base: &'static str,
}

impl Api {
    /// An endpoint of this API.
    pub fn endpoint(&self, name: &str, address: SocketAddr, rest: &str) -> String {
        let Self { provider, base, .. } = self;
        let rest = if rest.is_empty() { String::new() } else { format!("; {rest}") };
        format!("endpoint {name} {{ provider {provider}; url \"http://{address}{base}\"{rest} }}\n")
    }

    /// A request for a model.
    pub fn body(&self, model: &str, stream: bool) -> String {
        let asked = match self.dialect {
            Dialect::OpenAiResponses => r#""input":"hi""#,
            Dialect::AnthropicMessages => r#""max_tokens":64,"messages":[{"role":"user","content":"hi"}]"#,
            Dialect::OpenAiChat | Dialect::OpenAiCompletions | Dialect::OpenAiEmbeddings => {
                r#""messages":[{"role":"user","content":"hi"}]"#
            }
        };
        format!(r#"{{"model":"{model}","stream":{stream},{asked}}}"#)
    }
}

/// What a client makes of a stream.
#[derive(Debug)]
pub struct Heard {
    pub end: StreamEnd,
    pub errors: usize,
    pub contents: usize,
}

/// Reads a stream as a client of the dialect would.
pub fn hear(dialect: Dialect, stream: &[u8]) -> Heard {
    let mut reader = dialect.stream_reader(UsageAsked::AsClientSaid);
    let mut decoder = SseDecoder::new(1 << 24);
    decoder.push(bytes::Bytes::copy_from_slice(stream));
    let (mut errors, mut contents) = (0, 0);
    while let Some(frame) = decoder.next_frame().expect("frames fit") {
        match reader.read(&frame).meaning {
            Meaning::Error(_) => errors += 1,
            Meaning::Content => contents += 1,
            Meaning::Hold
            | Meaning::Finish(_)
            | Meaning::Usage
            | Meaning::Done
            | Meaning::Unknown
            | Meaning::Garbled => {}
        }
    }
    Heard { end: reader.end(), errors, contents }
}

/// A policy that routes everything to one endpoint.
pub fn to(url: &str) -> String {
    format!("weir 1\nendpoint a {{ provider compatible; url \"{url}\" }}\npolicy main {{ default {{ route a }} }}\n")
}

/// A chat request.
pub const CHAT: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
/// A chat request for a stream.
pub const CHAT_STREAM: &str = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
/// Where chat requests go.
pub const CHAT_PATH: &str = "/v1/chat/completions";
/// A whole chat answer.
pub const CHAT_ANSWER: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;

/// The data of a chat chunk with text.
pub fn chunk(text: &str) -> String {
    format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}]}}"#
    )
}

/// The data of the chunk that ends a chat answer.
pub const CHUNK_STOP: &str = r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;

/// An address at which nobody listens.
pub async fn dead() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("a bound socket")
}
