//! Recorded and hand-written streams: cut into frames and read, the same under every split, never taken for whole when
//! they are cut.
//!
//! `corpus/streams/DIALECT/NAME.sse` is a stream, `NAME.out` what is read in it. Those whose names begin with `broken`
//! are not whole.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use weir_filters::format::{Dialect, Meaning, Relay, StreamEnd, StreamReader, UsageAsked};
use weir_filters::frame::sse::{Frame, SseDecoder};

use crate::golden;

fn corpus() -> impl Iterator<Item = (Dialect, PathBuf, Bytes)> {
    Dialect::ALL.into_iter().flat_map(|dialect| {
        let folder = |kind: &str| golden::files(&format!("{kind}/{}", dialect.name()), "sse");
        let paths = folder("streams").into_iter().chain(folder("composed"));
        paths.map(move |path| {
            let bytes = fs::read(&path).unwrap().into();
            (dialect, path, bytes)
        })
    })
}

fn frames(chunks: impl IntoIterator<Item = Bytes>) -> Vec<Frame> {
    let mut decoder = SseDecoder::default();
    let mut frames = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        while let Some(frame) = decoder.next_frame().unwrap() {
            frames.push(frame);
        }
    }
    frames.extend(decoder.finish());
    frames
}

/// Everything that is seen of a frame.
fn seen(frames: &[Frame]) -> Vec<[Option<&[u8]>; 4]> {
    frames.iter().map(|frame| [Some(&**frame.raw()), frame.event(), frame.data(), frame.id()]).collect()
}

fn is_broken(path: &std::path::Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("broken"))
}

#[test]
fn there_are_streams_of_every_dialect_that_streams() {
    for dialect in Dialect::ALL.into_iter().filter(|dialect| dialect.streams()) {
        assert!(corpus().filter(|(of, _, _)| *of == dialect).count() >= 8, "{dialect}");
    }
}

#[test]
fn every_split_gives_the_same_frames() {
    for (_, path, stream) in corpus() {
        let whole = frames([stream.clone()]);
        let joined: Vec<u8> = whole.iter().flat_map(|frame| frame.raw().to_vec()).collect();
        assert_eq!(joined, stream, "{}", path.display());
        for at in 0..stream.len() {
            let split = frames([stream.slice(..at), stream.slice(at..)]);
            assert_eq!(seen(&split), seen(&whole), "{} split at {at}", path.display());
        }
        assert_eq!(
            seen(&frames((0..stream.len()).map(|at| stream.slice(at..=at)))),
            seen(&whole),
            "{} in single bytes",
            path.display()
        );
    }
}

#[test]
fn what_is_read() {
    for (dialect, path, stream) in corpus() {
        let mut out = String::new();
        let mut reader = dialect.stream_reader(UsageAsked::AsClientSaid);
        let mut asking = dialect.stream_reader(UsageAsked::ByUs);
        for frame in frames([stream.clone()]) {
            let heard = reader.read(&frame);
            assert_eq!(heard.relay, Relay::AsIs);
            let asked = asking.read(&frame);
            assert_eq!(heard.meaning, asked.meaning);
            write!(out, "{:?}", heard.meaning).unwrap();
            match asked.relay {
                Relay::AsIs => out.push('\n'),
                Relay::Swallow => out.push_str(" [swallowed if we asked]\n"),
                Relay::Instead(bytes) => {
                    writeln!(out, " [if we asked: {}]", String::from_utf8_lossy(&bytes).trim_end()).unwrap();
                }
            }
        }
        writeln!(out, "usage {:?}\nfinish {:?}\nend {:?}", reader.usage(), reader.finish(), reader.end()).unwrap();
        assert_eq!(
            is_broken(&path),
            matches!(reader.end(), StreamEnd::Cut | StreamEnd::Failed),
            "{}",
            path.display()
        );
        golden::check(&path.with_extension("out"), &out);
    }
}

#[test]
fn a_stream_cut_at_any_byte_is_not_taken_for_whole() {
    for (dialect, path, stream) in corpus().filter(|(_, path, _)| !is_broken(path)) {
        let read = |bytes: Bytes| {
            let mut reader = dialect.stream_reader(UsageAsked::AsClientSaid);
            for frame in frames([bytes]) {
                reader.read(&frame);
            }
            reader
        };
        let whole: StreamReader = read(stream.clone());
        for at in 0..stream.len() {
            let cut = read(stream.slice(..at));
            // Behind the last event's data only its blank line is missing.
            if cut.end() == StreamEnd::Complete {
                assert!(stream.len() - at <= 4 || cut.is_done(), "{} at {at}", path.display());
                assert_eq!((cut.usage(), cut.finish()), (whole.usage(), whole.finish()));
            }
        }
    }
}

#[test]
fn nothing_follows_the_last_event() {
    for (dialect, path, stream) in corpus().filter(|(_, path, _)| !is_broken(path)) {
        let mut reader = dialect.stream_reader(UsageAsked::AsClientSaid);
        let meanings: Vec<Meaning> =
            frames([stream.clone()]).iter().map(|frame| reader.read(frame).meaning).collect();
        let last = meanings.iter().rposition(|meaning| *meaning != Meaning::Hold).unwrap();
        let first_done = meanings.iter().position(|meaning| *meaning == Meaning::Done);
        assert!(first_done.is_none_or(|done| done == last), "{}", path.display());
    }
}
