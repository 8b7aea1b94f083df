//! Recorded and hand-written streams: cut into frames and read, the same under every split, never taken for whole when
//! they are cut.
//!
//! `tests/corpus/streams/DIALECT/NAME.sse` is a stream.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use weir_filters::format::{Dialect, Meaning, Relay, StreamEnd, UsageAsked};
use weir_filters::frame::sse::{Frame, SseDecoder};

fn corpus(dialect: Dialect) -> Vec<(PathBuf, Bytes)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/streams").join(dialect.name());
    let Ok(entries) = fs::read_dir(&folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "sse"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let bytes = fs::read(&path).unwrap().into();
            (path, bytes)
        })
        .collect()
}

/// Everything that is seen of a frame.
#[derive(Debug, PartialEq)]
struct Seen {
    raw: Vec<u8>,
    event: Option<Vec<u8>>,
    data: Option<Vec<u8>>,
    id: Option<Vec<u8>>,
}

fn seen(frame: &Frame) -> Seen {
    Seen {
        raw: frame.raw().to_vec(),
        event: frame.event().map(<[u8]>::to_vec),
        data: frame.data().map(<[u8]>::to_vec),
        id: frame.id().map(<[u8]>::to_vec),
    }
}

fn frames<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Frame> {
    let mut decoder = SseDecoder::default();
    let mut frames = Vec::new();
    for chunk in chunks {
        decoder.push(Bytes::copy_from_slice(chunk));
        while let Some(frame) = decoder.next_frame().unwrap() {
            frames.push(frame);
        }
    }
    frames.extend(decoder.finish());
    frames
}

#[test]
fn every_split_gives_the_same_frames() {
    for dialect in Dialect::ALL {
        for (path, stream) in corpus(dialect) {
            let whole: Vec<Seen> = frames([&*stream]).iter().map(seen).collect();
            let joined: Vec<u8> = whole.iter().flat_map(|frame| frame.raw.clone()).collect();
            assert_eq!(joined, stream, "{}", path.display());
            for at in 0..stream.len() {
                let (front, back) = stream.split_at(at);
                let split: Vec<Seen> = frames([front, back]).iter().map(seen).collect();
                assert_eq!(split, whole, "{} split at {at}", path.display());
            }
            let bytewise: Vec<Seen> = frames(stream.chunks(1)).iter().map(seen).collect();
            assert_eq!(bytewise, whole, "{} in single bytes", path.display());
        }
    }
}

#[test]
fn a_stream_cut_at_any_frame_is_not_taken_for_whole() {
    for dialect in Dialect::ALL {
        for (path, stream) in corpus(dialect) {
            let frames = frames([&*stream]);
            let mut reader = dialect.stream_reader(UsageAsked::AsClientSaid);
            let mut has_content = false;
            for frame in &frames {
                assert_ne!(reader.end(), StreamEnd::Complete, "{} before its last frame", path.display());
                let heard = reader.read(frame);
                has_content |= heard.meaning == Meaning::Content;
                assert_ne!(heard.meaning, Meaning::Garbled, "{}: {frame:?}", path.display());
                assert_eq!(heard.relay, Relay::AsIs);
            }
            assert_eq!(reader.end(), StreamEnd::Complete, "{}", path.display());
            assert!(has_content, "{}", path.display());
            assert!(reader.usage().is_some(), "{}", path.display());
            assert!(reader.finish().is_some(), "{}", path.display());
        }
    }
}
