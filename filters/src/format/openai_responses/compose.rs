//! Composing responses, whole and as events.
//!
//! Grammar: `created → in_progress → output_item.added → content_part.added → *.delta → *.done → content_part.done →
//! output_item.done → completed`; `sequence_number` counts every event, and the last event repeats the whole answer.

use bytes::Bytes;

use crate::format::compose::{Answer, ToolCall};
use crate::format::stream::FinishReason;
use crate::json::text::quote;

pub(super) fn whole(answer: &Answer<'_>) -> Bytes {
    response(answer, status(answer.finish), &items(answer), true).into()
}

pub(super) fn stream(answer: &Answer<'_>) -> Vec<Bytes> {
    let mut events = Events::default();
    let begun = response(answer, "in_progress", &[], false);
    events.push("response.created", &format!("\"response\":{begun}"));
    events.push("response.in_progress", &format!("\"response\":{begun}"));
    if !answer.text.is_empty() {
        message_events(answer, &mut events);
    }
    for (position, call) in answer.tool_calls.iter().enumerate() {
        call_events(call, position + usize::from(!answer.text.is_empty()), &mut events);
    }
    let status = status(answer.finish);
    let ended = response(answer, status, &items(answer), true);
    events.push(&format!("response.{status}"), &format!("\"response\":{ended}"));
    events.frames
}

/// Events numbered in a row.
#[derive(Debug, Default)]
struct Events {
    frames: Vec<Bytes>,
}

impl Events {
    fn push(&mut self, kind: &str, members: &str) {
        let sequence = self.frames.len();
        self.frames.push(
            format!("event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{sequence},{members}}}\n\n")
                .into(),
        );
    }
}

fn message_events(answer: &Answer<'_>, events: &mut Events) {
    let item_id = quote(&message_id(answer));
    let at = format!("\"item_id\":{item_id},\"output_index\":0,\"content_index\":0");
    let text = answer.text.concat();
    let begun = message(answer, "in_progress", "");
    events.push("response.output_item.added", &format!("\"output_index\":0,\"item\":{begun}"));
    events.push("response.content_part.added", &format!("{at},\"part\":{}", part("")));
    for piece in answer.text {
        let delta = format!("{at},\"delta\":{},\"logprobs\":[]", quote(piece));
        events.push("response.output_text.delta", &delta);
    }
    events.push("response.output_text.done", &format!("{at},\"text\":{},\"logprobs\":[]", quote(&text)));
    events.push("response.content_part.done", &format!("{at},\"part\":{}", part(&text)));
    let ended = message(answer, status(answer.finish), &part(&text));
    events.push("response.output_item.done", &format!("\"output_index\":0,\"item\":{ended}"));
}

fn call_events(call: &ToolCall<'_>, output_index: usize, events: &mut Events) {
    let at = format!("\"item_id\":{},\"output_index\":{output_index}", quote(&call_item_id(call)));
    let arguments = call.arguments.concat();
    let begun = function_call(call, "in_progress", "");
    events.push("response.output_item.added", &format!("\"output_index\":{output_index},\"item\":{begun}"));
    for piece in call.arguments {
        events.push("response.function_call_arguments.delta", &format!("{at},\"delta\":{}", quote(piece)));
    }
    let done = format!("{at},\"name\":{},\"arguments\":{}", quote(call.name), quote(&arguments));
    events.push("response.function_call_arguments.done", &done);
    let ended = function_call(call, "completed", &arguments);
    events.push("response.output_item.done", &format!("\"output_index\":{output_index},\"item\":{ended}"));
}

// --- objects ----------------------------------------------------------------------------------------------------

fn items(answer: &Answer<'_>) -> Vec<String> {
    let text = answer.text.concat();
    let text = (!answer.text.is_empty()).then(|| message(answer, status(answer.finish), &part(&text)));
    let calls = answer.tool_calls.iter().map(|call| function_call(call, "completed", &call.arguments.concat()));
    text.into_iter().chain(calls).collect()
}

fn response(answer: &Answer<'_>, status: &str, output: &[String], has_ended: bool) -> String {
    let usage = if has_ended { usage(answer) } else { "null".to_owned() };
    let incomplete = match answer.finish {
        FinishReason::Length if has_ended => "{\"reason\":\"max_output_tokens\"}",
        FinishReason::ContentFilter if has_ended => "{\"reason\":\"content_filter\"}",
        FinishReason::Length
        | FinishReason::ContentFilter
        | FinishReason::Stop
        | FinishReason::ToolCalls
        | FinishReason::Refusal
        | FinishReason::Other => "null",
    };
    format!(
        "{{\"id\":{},\"object\":\"response\",\"created_at\":{},\"status\":\"{status}\",\"error\":null,\
         \"incomplete_details\":{incomplete},\"instructions\":null,\"max_output_tokens\":null,\"model\":{},\
         \"output\":[{}],\"parallel_tool_calls\":true,\"previous_response_id\":null,\"store\":false,\
         \"temperature\":1.0,\"text\":{{\"format\":{{\"type\":\"text\"}}}},\"tool_choice\":\"auto\",\"tools\":[],\
         \"top_p\":1.0,\"truncation\":\"disabled\",\"usage\":{usage},\"metadata\":{{}}}}",
        quote(answer.id),
        answer.created,
        quote(answer.model),
        output.join(","),
    )
}

fn usage(answer: &Answer<'_>) -> String {
    let usage = answer.usage;
    format!(
        "{{\"input_tokens\":{},\"input_tokens_details\":{{\"cached_tokens\":{},\"cache_write_tokens\":{}}},\"output_tokens\":{},\
         \"output_tokens_details\":{{\"reasoning_tokens\":{}}},\"total_tokens\":{}}}",
        usage.input,
        usage.cached,
        usage.cache_written,
        usage.output,
        usage.reasoning,
        usage.total(),
    )
}

fn message(answer: &Answer<'_>, status: &str, content: &str) -> String {
    format!(
        "{{\"id\":{},\"type\":\"message\",\"status\":\"{status}\",\"role\":\"assistant\",\"content\":[{content}]}}",
        quote(&message_id(answer))
    )
}

fn part(text: &str) -> String {
    format!("{{\"type\":\"output_text\",\"text\":{},\"annotations\":[],\"logprobs\":[]}}", quote(text))
}

fn function_call(call: &ToolCall<'_>, status: &str, arguments: &str) -> String {
    format!(
        "{{\"id\":{},\"type\":\"function_call\",\"status\":\"{status}\",\"call_id\":{},\"name\":{},\"arguments\":{}}}",
        quote(&call_item_id(call)),
        quote(call.id),
        quote(call.name),
        quote(arguments),
    )
}

/// Ids of items follow from the ids that the caller gave.
fn message_id(answer: &Answer<'_>) -> String {
    format!("msg_{}", answer.id.trim_start_matches("resp_"))
}

fn call_item_id(call: &ToolCall<'_>) -> String {
    format!("fc_{}", call.id.trim_start_matches("call_"))
}

fn status(finish: FinishReason) -> &'static str {
    match finish {
        FinishReason::Length | FinishReason::ContentFilter => "incomplete",
        FinishReason::Stop | FinishReason::ToolCalls | FinishReason::Refusal | FinishReason::Other => "completed",
    }
}
