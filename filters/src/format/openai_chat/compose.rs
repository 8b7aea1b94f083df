//! Composing chat completions, whole and in chunks.

use bytes::Bytes;

use crate::format::compose::{Answer, ToolCall};
use crate::format::openai::{finish_word, usage};
use crate::format::stream::DONE_EVENT;
use crate::json::text::quote;

pub(super) fn whole(answer: &Answer<'_>) -> Bytes {
    let content = if only_calls(answer) { "null".to_owned() } else { quote(&answer.text.concat()) };
    let calls: Vec<String> = answer.tool_calls.iter().map(tool_call).collect();
    let calls = if calls.is_empty() { String::new() } else { format!(",\"tool_calls\":[{}]", calls.join(",")) };
    format!(
        "{{{},\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":{content},\"refusal\":null\
         {calls}}},\"logprobs\":null,\"finish_reason\":\"{}\"}}],\"usage\":{}}}",
        head(answer, "chat.completion"),
        finish_word(answer.finish),
        usage(answer.usage),
    )
    .into()
}

fn tool_call(call: &ToolCall<'_>) -> String {
    format!(
        "{{\"id\":{},\"type\":\"function\",\"function\":{{\"name\":{},\"arguments\":{}}}}}",
        quote(call.id),
        quote(call.name),
        quote(&call.arguments.concat()),
    )
}

pub(super) fn stream(answer: &Answer<'_>, include_usage: bool) -> Vec<Bytes> {
    let tail = if include_usage { ",\"usage\":null" } else { "" };
    let chunk = |delta: &str, finish: &str| {
        let head = head(answer, "chat.completion.chunk");
        Bytes::from(format!(
            "data: {{{head},\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish}}}]\
             {tail}}}\n\n"
        ))
    };
    let content = if only_calls(answer) { "null" } else { "\"\"" };
    let role = format!("{{\"role\":\"assistant\",\"content\":{content},\"refusal\":null}}");
    let mut frames = vec![chunk(&role, "null")];
    frames.extend(answer.text.iter().map(|piece| chunk(&format!("{{\"content\":{}}}", quote(piece)), "null")));
    for (index, call) in answer.tool_calls.iter().enumerate() {
        let begin = format!(
            "{{\"tool_calls\":[{{\"index\":{index},\"id\":{},\"type\":\"function\",\"function\":{{\"name\":{},\
             \"arguments\":\"\"}}}}]}}",
            quote(call.id),
            quote(call.name),
        );
        frames.push(chunk(&begin, "null"));
        frames.extend(call.arguments.iter().map(|piece| {
            let piece = quote(piece);
            let delta = format!("{{\"tool_calls\":[{{\"index\":{index},\"function\":{{\"arguments\":{piece}}}}}]}}");
            chunk(&delta, "null")
        }));
    }
    frames.push(chunk("{}", &format!("\"{}\"", finish_word(answer.finish))));
    if include_usage {
        let head = head(answer, "chat.completion.chunk");
        frames.push(format!("data: {{{head},\"choices\":[],\"usage\":{}}}\n\n", usage(answer.usage)).into());
    }
    frames.push(Bytes::from_static(DONE_EVENT));
    frames
}

/// An answer that only calls tools has no content; any other has some, if only an empty text.
fn only_calls(answer: &Answer<'_>) -> bool {
    answer.text.is_empty() && !answer.tool_calls.is_empty()
}

fn head(answer: &Answer<'_>, object: &str) -> String {
    format!(
        "\"id\":{},\"object\":\"{object}\",\"created\":{},\"model\":{}",
        quote(answer.id),
        answer.created,
        quote(answer.model)
    )
}
