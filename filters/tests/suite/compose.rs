//! What is composed here is read back by the readers here, and kept in files that the vendors' SDKs are tried on.

use bytes::Bytes;
use weir_filters::format::compose::{self, Answer, ToolCall};
use weir_filters::format::{Dialect, FinishReason, Meaning, Relay, StreamEnd, Usage, UsageAsked, Whole};
use weir_filters::frame::sse::{Frame, SseDecoder};

const USAGE: Usage = Usage { input: 25, output: 7, cached: 10, cache_written: 0, reasoning: 2 };

fn answers() -> Vec<(&'static str, Answer<'static>)> {
    let plain = Answer {
        id: "id_0001",
        created: 1_700_000_000,
        model: "sim-1",
        text: &["Hello", ", \"wörld\"\n", "bye"],
        tool_calls: &[],
        usage: USAGE,
        finish: FinishReason::Stop,
        vectors: &[&[0.5, -1.0, 0.25], &[1e-8, f32::NAN, 3.0]],
        base64: false,
    };
    let calls: &[ToolCall<'_>] = &[
        ToolCall { id: "call_1", name: "weather", arguments: &["{\"city\":", "\"Paris\"}"] },
        ToolCall { id: "call_2", name: "now", arguments: &["{}"] },
    ];
    vec![
        ("text", plain),
        ("tools", Answer { tool_calls: calls, text: &[], finish: FinishReason::ToolCalls, ..plain }),
        ("both", Answer { tool_calls: calls, finish: FinishReason::ToolCalls, base64: true, ..plain }),
        ("length", Answer { finish: FinishReason::Length, ..plain }),
        ("empty", Answer { text: &[], vectors: &[], ..plain }),
    ]
}

fn frames(stream: &[Bytes]) -> Vec<Frame> {
    let mut decoder = SseDecoder::default();
    decoder.push(stream.concat().into());
    let mut frames = Vec::new();
    while let Some(frame) = decoder.next_frame().unwrap() {
        frames.push(frame);
    }
    assert!(decoder.finish().is_none());
    frames
}

/// Plain completions cannot say that they call tools.
fn sayable(dialect: Dialect, answer: &Answer<'_>) -> bool {
    answer.tool_calls.is_empty() || dialect != Dialect::OpenAiCompletions
}

/// What an answer says again, once it is composed.
fn said(dialect: Dialect, answer: &Answer<'_>) -> Whole {
    let usage = match dialect {
        Dialect::OpenAiEmbeddings => Usage { input: USAGE.input, ..Usage::default() },
        Dialect::AnthropicMessages => Usage { reasoning: 0, ..USAGE },
        Dialect::OpenAiChat | Dialect::OpenAiCompletions | Dialect::OpenAiResponses => USAGE,
    };
    let finish = (dialect != Dialect::OpenAiEmbeddings).then_some(answer.finish);
    Whole { usage: Some(usage), finish }
}

#[test]
fn whole_answers_are_read_back() {
    for dialect in Dialect::ALL {
        for (name, answer) in answers() {
            if !sayable(dialect, &answer) {
                continue;
            }
            let body = compose::whole(dialect, &answer);
            crate::golden::check(
                &crate::golden::corpus("composed").join(dialect.name()).join(format!("{name}.json")),
                std::str::from_utf8(&body).unwrap(),
            );
            serde_json::from_slice::<serde_json::Value>(&body).unwrap();
            assert_eq!(dialect.read_whole(&body).unwrap(), said(dialect, &answer), "{dialect} {name}");
        }
    }
}

#[test]
fn streams_are_read_back() {
    for dialect in Dialect::ALL.into_iter().filter(|dialect| dialect.streams()) {
        for (name, answer) in answers() {
            if !sayable(dialect, &answer) {
                continue;
            }
            let stream = compose::stream(dialect, &answer, true);
            crate::golden::check(
                &crate::golden::corpus("composed").join(dialect.name()).join(format!("{name}.sse")),
                std::str::from_utf8(&stream.concat()).unwrap(),
            );
            let frames = frames(&stream);
            assert_eq!(frames.iter().map(Frame::raw).collect::<Vec<_>>(), stream.iter().collect::<Vec<_>>());
            let mut reader = dialect.stream_reader(UsageAsked::AsClientSaid);
            let meanings: Vec<Meaning> = frames.iter().map(|frame| reader.read(frame).meaning).collect();
            assert_eq!(reader.end(), StreamEnd::Complete, "{dialect} {name}");
            let whole = Whole { usage: reader.usage(), finish: reader.finish() };
            assert_eq!(whole, said(dialect, &answer), "{dialect} {name}");
            assert_eq!(meanings.contains(&Meaning::Content), name != "empty", "{dialect} {name}");
            assert!(!meanings.iter().any(|meaning| matches!(meaning, Meaning::Unknown | Meaning::Garbled)));
        }
    }
}

/// W3: asked for by us, the usage leaves no trace in what the client gets.
#[test]
fn usage_that_we_asked_for_is_not_seen() {
    for dialect in [Dialect::OpenAiChat, Dialect::OpenAiCompletions] {
        for (name, answer) in answers() {
            let mut reader = dialect.stream_reader(UsageAsked::ByUs);
            let mut relayed = Vec::new();
            for frame in frames(&compose::stream(dialect, &answer, true)) {
                match reader.read(&frame).relay {
                    Relay::AsIs => relayed.extend_from_slice(frame.raw()),
                    Relay::Instead(bytes) => relayed.extend_from_slice(&bytes),
                    Relay::Swallow => {}
                }
            }
            let unasked = compose::stream(dialect, &answer, false).concat();
            assert_eq!(String::from_utf8(relayed).unwrap(), String::from_utf8(unasked).unwrap(), "{dialect} {name}");
            assert_eq!(reader.usage(), Some(USAGE));
        }
    }
}

#[test]
fn embeddings_as_base64_are_little_endian_floats() {
    let (_, answer) = answers()[2];
    let body: serde_json::Value =
        serde_json::from_slice(&compose::whole(Dialect::OpenAiEmbeddings, &answer)).unwrap();
    assert_eq!(body["data"][0]["embedding"], "AAAAPwAAgL8AAIA+");
}
