//! Server-sent events: the same frames under every split, each byte in exactly one of them.

use bytes::Bytes;
use proptest::prelude::*;
use weir_filters::frame::sse::{Frame, SseDecoder, SseError};

/// event, data, id, raw
type Seen = (Option<String>, Option<String>, Option<String>, String);

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn seen(frame: &Frame) -> Seen {
    (frame.event().map(text), frame.data().map(text), frame.id().map(text), text(frame.raw()))
}

fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Frame> {
    let mut decoder = SseDecoder::default();
    let mut frames = Vec::new();
    for chunk in chunks {
        decoder.push(Bytes::copy_from_slice(chunk));
        while let Some(frame) = decoder.next_frame().unwrap() {
            frames.push(frame);
        }
        assert!(decoder.buffered() <= 1 << 20);
    }
    frames.extend(decoder.finish());
    frames
}

/// Events with data, as a client sees them.
fn events(stream: &str) -> Vec<(Option<String>, String)> {
    let frames = decode([stream.as_bytes()]);
    frames.iter().filter_map(|frame| Some((frame.event().map(text), text(frame.data()?)))).collect()
}

fn data(stream: &str) -> Vec<String> {
    events(stream).into_iter().map(|(_, data)| data).collect()
}

#[test]
fn the_grammar_of_the_standard() {
    assert_eq!(data("data: a\n\ndata:b\n\ndata:  c\n\n"), ["a", "b", " c"]);
    assert_eq!(data("data: a\r\n\r\ndata: b\r\rdata: c\n\n"), ["a", "b", "c"]);
    assert_eq!(data("\u{feff}data: a\n\n"), ["a"]);
    assert_eq!(data("data: \u{feff}a\n\n\u{feff}data: not the first line\n\n"), ["\u{feff}a"]);
    assert_eq!(data("data: a\ndata: b\ndata\ndata:\n\n"), ["a\nb\n\n"]);
    assert_eq!(data(": comment\n\n:\n\ndata: a\n: inside\ndata: b\n\n"), ["a\nb"]);
    assert_eq!(data("data\n\ndata:\n\n"), ["", ""]);
    assert_eq!(data("datax: a\nxdata: b\n data: c\nDATA: d\n\n"), Vec::<String>::new());
    assert_eq!(data("data: a:b: c\n\n"), ["a:b: c"]);
    assert_eq!(data("\n\n\n\ndata: a\n\n\n\n"), ["a"]);
    assert_eq!(events("event: x\nevent: y\ndata: a\n\n"), [(Some("y".to_owned()), "a".to_owned())]);
    assert_eq!(events("event: x\n\ndata: a\n\n"), [(None, "a".to_owned())]);
    assert_eq!(data("data: a"), ["a"], "a frame that the end cut off is shown");
    let frames = decode([&b"id: 7\nretry: 10\ndata: a\n\nid: 8\0\n\nid\n\n"[..]]);
    let ids: Vec<Option<String>> = frames.iter().map(|frame| frame.id().map(text)).collect();
    assert_eq!(ids, [Some("7".to_owned()), None, Some(String::new())]);
    assert!(frames.iter().all(Frame::is_whole));
}

#[test]
fn a_cr_that_ends_a_chunk_does_not_hold_a_frame_back() {
    let mut decoder = SseDecoder::default();
    decoder.push(Bytes::from_static(b"data: a\r\r"));
    assert_eq!(decoder.next_frame().unwrap().unwrap().data(), Some(&b"a"[..]));
    // Lines that end with CR LF promise an LF: the frame waits for it, the same under every split.
    decoder.push(Bytes::from_static(b"data: b\r\n\r"));
    assert!(decoder.next_frame().unwrap().is_none());
    decoder.push(Bytes::from_static(b"\n"));
    assert_eq!(decoder.next_frame().unwrap().unwrap().raw(), &b"data: b\r\n\r\n"[..]);
    decoder.push(Bytes::from_static(b"data: c\r\n\r"));
    assert!(decoder.next_frame().unwrap().is_none());
    let last = decoder.finish().unwrap();
    assert!(last.is_whole() && last.data() == Some(b"c"));
}

#[test]
fn whole_frames_are_slices_of_their_chunk() {
    let chunk = Bytes::from_static(b"data: a\n\nevent: x\ndata: b\n\ndata: c");
    let mut decoder = SseDecoder::default();
    decoder.push(chunk.clone());
    let first = decoder.next_frame().unwrap().unwrap();
    let second = decoder.next_frame().unwrap().unwrap();
    assert_eq!(first.raw().as_ptr(), chunk.as_ptr());
    assert_eq!(second.raw().as_ptr(), chunk.slice(9..).as_ptr());
    assert!(decoder.next_frame().unwrap().is_none());
    assert_eq!(decoder.buffered(), 7);
    decoder.push(Bytes::from_static(b"d\n\ndata: e\n\n"));
    assert_eq!(decoder.next_frame().unwrap().unwrap().data(), Some(&b"cd"[..]));
    assert_eq!(decoder.next_frame().unwrap().unwrap().data(), Some(&b"e"[..]));
    assert_eq!(decoder.buffered(), 0);
}

#[test]
fn nothing_is_lost_when_chunks_are_pushed_in_a_row() {
    let mut decoder = SseDecoder::default();
    for chunk in [&b"data: a\n"[..], b"\ndata: b", b"\n\n"] {
        decoder.push(Bytes::copy_from_slice(chunk));
    }
    assert_eq!(decoder.next_frame().unwrap().unwrap().data(), Some(&b"a"[..]));
    assert_eq!(decoder.next_frame().unwrap().unwrap().data(), Some(&b"b"[..]));
    assert!(decoder.finish().is_none());
}

#[test]
fn frames_have_a_limit() {
    for chunk_length in [1, 7, 1000] {
        let mut decoder = SseDecoder::new(64);
        let stream = format!("data: {}\n\ndata: {}\n\n", "x".repeat(56), "x".repeat(57));
        let mut frames = 0;
        let mut error = None;
        for chunk in stream.as_bytes().chunks(chunk_length) {
            decoder.push(Bytes::copy_from_slice(chunk));
            loop {
                match decoder.next_frame() {
                    Ok(Some(_)) => frames += 1,
                    Ok(None) => break,
                    Err(bad) => {
                        error = Some(bad);
                        break;
                    }
                }
            }
            if error.is_some() {
                break;
            }
        }
        assert_eq!((frames, error), (1, Some(SseError::FrameTooLong { limit: 64 })), "chunks of {chunk_length}");
    }
}

fn stream() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "data: ",
        "data:",
        "event: x",
        "id: 1",
        ": comment",
        "\n",
        "\n",
        "\n",
        "\n\n",
        "\r\n",
        "\r\n\r\n",
        "\r",
        "\r\r",
        "{\"a\":\"b\"}",
        "é€😀",
        "\u{feff}",
        "data",
        ":",
        " ",
        "x\0",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn the_same_under_every_split(stream in stream(), cuts in prop::collection::btree_set(0..200_usize, 0..6)) {
        let bytes = stream.as_bytes();
        let whole: Vec<Seen> = decode([bytes]).iter().map(seen).collect();
        prop_assert_eq!(whole.iter().map(|(_, _, _, raw)| raw.as_str()).collect::<String>(), text(bytes));
        let mut chunks = Vec::new();
        let mut done = 0;
        for cut in cuts.into_iter().filter(|&cut| cut < bytes.len()) {
            chunks.push(&bytes[done..cut]);
            done = cut;
        }
        chunks.push(&bytes[done..]);
        let split: Vec<Seen> = decode(chunks).iter().map(seen).collect();
        prop_assert_eq!(&split, &whole);
        let single: Vec<Seen> = decode(bytes.chunks(1)).iter().map(seen).collect();
        prop_assert_eq!(&single, &whole);
    }

    /// Against the standard's own algorithm, line by line over the whole stream.
    #[test]
    fn events_are_those_of_the_standard(stream in stream()) {
        let stream = format!("{stream}\n\n");
        let unmarked = stream.strip_prefix('\u{feff}').unwrap_or(&stream);
        let lines = unmarked.replace("\r\n", "\n").replace('\r', "\n");
        let mut expected = Vec::new();
        let mut lines_of_data: Vec<String> = Vec::new();
        let mut event = None;
        for line in lines.split('\n') {
            if line.is_empty() {
                if !lines_of_data.is_empty() {
                    expected.push((event.take(), lines_of_data.join("\n")));
                }
                lines_of_data.clear();
                event = None;
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match field {
                "data" => lines_of_data.push(value),
                "event" => event = Some(value),
                _other => {}
            }
        }
        prop_assert_eq!(events(&stream), expected);
    }
}
