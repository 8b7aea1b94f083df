//! Corpus files with bytes changed: whatever comes in, readers neither panic nor contradict themselves.

use std::fs;

use bytes::Bytes;
use proptest::prelude::*;
use weir_filters::format::body::{Body, PathStep};
use weir_filters::format::peek::peek;
use weir_filters::format::splice::Edits;
use weir_filters::format::{Dialect, StreamEnd, UsageAsked, shape};
use weir_filters::frame::sse::SseDecoder;

use crate::golden;

fn corpus(folder: &str, extension: &str) -> Vec<(Dialect, Vec<u8>)> {
    let files = |dialect: Dialect| golden::files(&format!("{folder}/{}", dialect.name()), extension);
    Dialect::ALL
        .into_iter()
        .flat_map(|dialect| files(dialect).into_iter().map(move |path| (dialect, fs::read(path).unwrap())))
        .collect()
}

/// A file of the corpus with a few bytes replaced, taken out, or doubled with what stands around them.
fn mangled(folder: &str, extension: &str) -> impl Strategy<Value = (Dialect, Vec<u8>)> + use<> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:\\un0 \n\r".to_vec())];
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0..3, byte), 0..6);
    (prop::sample::select(corpus(folder, extension)), edits).prop_map(|((dialect, mut text), edits)| {
        for (at, what, byte) in edits {
            let at = at.index(text.len());
            match what {
                0 => text[at] = byte,
                1 if text.len() > 1 => drop(text.remove(at)),
                _ => {
                    let again = text[at.saturating_sub(9)..at].to_vec();
                    text.splice(at..at, again);
                }
            }
        }
        (dialect, text)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn streams((dialect, stream) in mangled("streams", "sse"), split in any::<prop::sample::Index>(), asked: bool) {
        let asked = if asked { UsageAsked::ByUs } else { UsageAsked::AsClientSaid };
        let at = split.index(stream.len());
        let mut outcomes = Vec::new();
        for chunks in [vec![&stream[..]], vec![&stream[..at], &stream[at..]]] {
            let mut decoder = SseDecoder::default();
            let mut reader = dialect.stream_reader(asked);
            let mut heard = Vec::new();
            for chunk in chunks {
                decoder.push(Bytes::copy_from_slice(chunk));
                while let Some(frame) = decoder.next_frame().unwrap() {
                    heard.push(reader.read(&frame));
                }
            }
            heard.extend(decoder.finish().map(|frame| reader.read(&frame)));
            prop_assert!(!reader.is_done() || reader.end() != StreamEnd::Cut);
            outcomes.push((heard, reader.usage(), reader.finish(), reader.end()));
        }
        prop_assert_eq!(&outcomes[0], &outcomes[1]);
    }

    #[test]
    fn requests((dialect, text) in mangled("requests", "json")) {
        let bytes = Bytes::from(text);
        let Ok(seen) = peek(&bytes) else { return Ok(()) };
        if let Ok(body) = Body::read(dialect, bytes.clone(), &seen) {
            let texts = [body.system(), body.user(), body.last(), body.all(), body.prefix(5)];
            prop_assert!(texts.iter().all(|text| text.is_none_or(|text| text.len() <= bytes.len())));
            prop_assert!(body.tokens_wanted() >= body.tokens_input());
            let _ = (body.roles(), body.tool_names(), body.uses_json_schema(), body.param("max_tokens"));
            let _ = body.lookup(&[PathStep::Key("messages"), PathStep::Each, PathStep::Key("role")]);
        }
        let mut edits = Edits::default();
        shape::set_model(&mut edits, "m");
        shape::ask_usage(&mut edits, dialect, &seen);
        shape::cap_param(&mut edits, dialect, &seen, &bytes, "max_tokens", 10.0);
        shape::set_param(&mut edits, dialect, &seen, &bytes, "temperature", "1");
        let _ = shape::inject_system(&mut edits, dialect, &seen, &bytes, &["\"s\""]);
        let edited = edits.apply(&seen, &bytes).unwrap().to_bytes();
        let again = peek(&edited).unwrap();
        prop_assert_eq!(again.model(), Some("m"));
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&edited).is_ok());
    }

    #[test]
    fn whole_answers((dialect, text) in mangled("composed", "json")) {
        match dialect.read_whole(&text) {
            Ok(_) => prop_assert!(serde_json::from_slice::<serde_json::Value>(&text).is_ok()),
            Err(error) => prop_assert!(error.message.is_none_or(|message| message.len() <= text.len() + 64)),
        }
    }
}
