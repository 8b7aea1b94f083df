//! Composing embeddings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::format::compose::Answer;
use crate::json::text::quote;

pub(super) fn whole(answer: &Answer<'_>) -> Bytes {
    let data: Vec<String> = answer
        .vectors
        .iter()
        .enumerate()
        .map(|(index, vector)| {
            format!("{{\"object\":\"embedding\",\"index\":{index},\"embedding\":{}}}", encode(vector, answer.base64))
        })
        .collect();
    format!(
        "{{\"object\":\"list\",\"data\":[{}],\"model\":{},\"usage\":{{\"prompt_tokens\":{input},\"total_tokens\":{input}}}}}",
        data.join(","),
        quote(answer.model),
        input = answer.usage.input,
    )
    .into()
}

/// As a list of numbers, or as the base64 of little-endian floats, which the `openai` SDKs ask for by default. JSON has
/// no infinities: what is not finite becomes 0, both ways.
fn encode(vector: &[f32], base64: bool) -> String {
    let numbers = vector.iter().map(|&number| if number.is_finite() { number } else { 0.0 });
    if base64 {
        let bytes: Vec<u8> = numbers.flat_map(f32::to_le_bytes).collect();
        return format!("\"{}\"", STANDARD.encode(bytes));
    }
    let numbers: Vec<String> = numbers.map(|number| number.to_string()).collect();
    format!("[{}]", numbers.join(","))
}
