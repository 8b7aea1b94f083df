//! Composing messages, whole and as events.

use bytes::Bytes;

use crate::format::compose::{Answer, ToolCall};
use crate::format::stream::FinishReason;
use crate::json::text::quote;

pub(super) fn whole(answer: &Answer<'_>) -> Bytes {
    let text = answer.text.concat();
    let text = (!answer.text.is_empty()).then(|| format!("{{\"type\":\"text\",\"text\":{}}}", quote(&text)));
    let calls = answer.tool_calls.iter().map(|call| tool_use(call, &arguments(call)));
    let content: Vec<String> = text.into_iter().chain(calls).collect();
    let stop = format!("\"{}\"", stop_word(answer.finish));
    message(answer, &content.join(","), &stop, answer.usage.output).into()
}

pub(super) fn stream(answer: &Answer<'_>) -> Vec<Bytes> {
    let mut frames = vec![event("message_start", &format!("\"message\":{}", message(answer, "", "null", 1)))];
    let mut index = 0;
    if !answer.text.is_empty() {
        let begin = format!("\"index\":{index},\"content_block\":{{\"type\":\"text\",\"text\":\"\"}}");
        frames.push(event("content_block_start", &begin));
        frames.extend(answer.text.iter().map(|piece| {
            let delta = format!("\"index\":{index},\"delta\":{{\"type\":\"text_delta\",\"text\":{}}}", quote(piece));
            event("content_block_delta", &delta)
        }));
        frames.push(event("content_block_stop", &format!("\"index\":{index}")));
        index += 1;
    }
    for call in answer.tool_calls {
        let begin = format!("\"index\":{index},\"content_block\":{}", tool_use(call, "{}"));
        frames.push(event("content_block_start", &begin));
        frames.extend(call.arguments.iter().map(|piece| {
            let piece = quote(piece);
            let delta =
                format!("\"index\":{index},\"delta\":{{\"type\":\"input_json_delta\",\"partial_json\":{piece}}}");
            event("content_block_delta", &delta)
        }));
        frames.push(event("content_block_stop", &format!("\"index\":{index}")));
        index += 1;
    }
    let end = format!(
        "\"delta\":{{\"stop_reason\":\"{}\",\"stop_sequence\":null}},\"usage\":{{\"output_tokens\":{}}}",
        stop_word(answer.finish),
        answer.usage.output,
    );
    frames.push(event("message_delta", &end));
    frames.push(Bytes::from_static(b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
    frames
}

fn event(kind: &str, members: &str) -> Bytes {
    format!("event: {kind}\ndata: {{\"type\":\"{kind}\",{members}}}\n\n").into()
}

fn message(answer: &Answer<'_>, content: &str, stop: &str, output: u64) -> String {
    let usage = answer.usage;
    format!(
        "{{\"id\":{},\"type\":\"message\",\"role\":\"assistant\",\"model\":{},\"content\":[{content}],\
         \"stop_reason\":{stop},\"stop_sequence\":null,\"usage\":{{\"input_tokens\":{},\
         \"cache_creation_input_tokens\":{},\"cache_read_input_tokens\":{},\"output_tokens\":{output}}}}}",
        quote(answer.id),
        quote(answer.model),
        usage.input.saturating_sub(usage.cached).saturating_sub(usage.cache_written),
        usage.cache_written,
        usage.cached,
    )
}

fn tool_use(call: &ToolCall<'_>, input: &str) -> String {
    format!("{{\"type\":\"tool_use\",\"id\":{},\"name\":{},\"input\":{input}}}", quote(call.id), quote(call.name))
}

/// The arguments as the JSON object that `input` must be; what is none becomes the empty one.
fn arguments(call: &ToolCall<'_>) -> String {
    let arguments = call.arguments.concat();
    let is_object = crate::format::peek::peek(arguments.as_bytes()).is_ok();
    if is_object { arguments } else { "{}".to_owned() }
}

fn stop_word(finish: FinishReason) -> &'static str {
    match finish {
        FinishReason::Stop | FinishReason::Other => "end_turn",
        FinishReason::Length => "max_tokens",
        FinishReason::ToolCalls => "tool_use",
        FinishReason::ContentFilter | FinishReason::Refusal => "refusal",
    }
}
