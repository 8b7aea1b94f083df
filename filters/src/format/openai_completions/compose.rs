//! Composing plain completions, whole and in chunks.

use bytes::Bytes;

use crate::format::compose::Answer;
use crate::format::openai::{finish_word, usage};
use crate::format::stream::DONE_EVENT;
use crate::json::text::quote;

pub(super) fn whole(answer: &Answer<'_>) -> Bytes {
    let finish = format!("\"{}\"", finish_word(answer.finish));
    let choices = choice(&answer.text.concat(), &finish);
    format!("{{{},\"choices\":[{choices}],\"usage\":{}}}", head(answer), usage(answer.usage)).into()
}

pub(super) fn stream(answer: &Answer<'_>, include_usage: bool) -> Vec<Bytes> {
    let tail = if include_usage { ",\"usage\":null" } else { "" };
    let chunk = |text: &str, finish: &str| {
        Bytes::from(format!("data: {{{},\"choices\":[{}]{tail}}}\n\n", head(answer), choice(text, finish)))
    };
    let mut frames: Vec<Bytes> = answer.text.iter().map(|piece| chunk(piece, "null")).collect();
    frames.push(chunk("", &format!("\"{}\"", finish_word(answer.finish))));
    if include_usage {
        frames
            .push(format!("data: {{{},\"choices\":[],\"usage\":{}}}\n\n", head(answer), usage(answer.usage)).into());
    }
    frames.push(Bytes::from_static(DONE_EVENT));
    frames
}

fn choice(text: &str, finish: &str) -> String {
    format!("{{\"text\":{},\"index\":0,\"logprobs\":null,\"finish_reason\":{finish}}}", quote(text))
}

fn head(answer: &Answer<'_>) -> String {
    format!(
        "\"id\":{},\"object\":\"text_completion\",\"created\":{},\"model\":{}",
        quote(answer.id),
        answer.created,
        quote(answer.model)
    )
}
