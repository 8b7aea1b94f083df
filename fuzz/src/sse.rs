//! Event streams: however the bytes are split, the same frames come out, and their bytes are the stream's.

use bytes::Bytes;
use weir_filters::frame::sse::{Frame, SseDecoder};

/// What a frame says: event, id and data.
type Said = (Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>);

/// The first byte of the input seeds how the rest is split.
pub fn frames(input: &[u8]) {
    let Some((&seed, stream)) = input.split_first() else { return };
    let whole = decode(std::iter::once(stream));
    let bytewise = decode(stream.chunks(1));
    let split = decode(pieces(stream, seed).into_iter());
    for other in [&bytewise, &split] {
        assert_eq!(said(&whole), said(other), "frames depend on how the stream was split");
    }
    for frames in [&whole, &bytewise, &split] {
        let raw: Vec<u8> = frames.iter().flat_map(|frame| frame.raw().to_vec()).collect();
        assert_eq!(raw, stream, "the frames' bytes are not the stream's");
    }
    let with_data: Vec<Vec<u8>> = whole.iter().filter(|frame| frame.is_whole()).filter_map(data).collect();
    assert_eq!(with_data, naive(stream), "events differ from the standard's algorithm");
    bounded(stream, seed);
}

fn decode<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<Frame> {
    let mut decoder = SseDecoder::new(usize::MAX);
    let mut frames = Vec::new();
    for chunk in chunks {
        decoder.push(Bytes::copy_from_slice(chunk));
        while let Some(frame) = decoder.next_frame().expect("there is no limit to exceed") {
            frames.push(frame);
        }
    }
    frames.extend(decoder.finish());
    assert_eq!(decoder.buffered(), 0, "the end leaves nothing behind");
    frames
}

/// A frame above the limit is an error, and nothing above the limit is held.
fn bounded(stream: &[u8], seed: u8) {
    let limit = usize::from(seed % 32) + 1;
    let mut decoder = SseDecoder::new(limit);
    for chunk in pieces(stream, seed) {
        decoder.push(Bytes::copy_from_slice(chunk));
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => assert!(frame.raw().len() <= limit),
                Ok(None) => break,
                Err(_) => return,
            }
        }
        assert!(decoder.buffered() <= limit);
    }
}

/// Pieces of 1 to 16 bytes, by a small generator from the seed.
fn pieces(mut stream: &[u8], seed: u8) -> Vec<&[u8]> {
    let mut state = u32::from(seed) | 0x100;
    let mut pieces = Vec::new();
    while !stream.is_empty() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (piece, rest) = stream.split_at(((state >> 28) as usize + 1).min(stream.len()));
        pieces.push(piece);
        stream = rest;
    }
    pieces
}

fn said(frames: &[Frame]) -> Vec<Said> {
    let owned = |part: Option<&[u8]>| part.map(<[u8]>::to_vec);
    let said = |frame: &Frame| (owned(frame.event()), owned(frame.id()), owned(frame.data()));
    // Where a CR LF was split, its LF may lie in the next frame: frames that say nothing do not count.
    frames.iter().map(said).filter(|(event, id, data)| event.is_some() || id.is_some() || data.is_some()).collect()
}

fn data(frame: &Frame) -> Option<Vec<u8>> {
    frame.data().map(<[u8]>::to_vec)
}

/// The standard's algorithm, as simple as it can be written:
/// <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>.
fn naive(stream: &[u8]) -> Vec<Vec<u8>> {
    let stream = stream.strip_prefix(b"\xef\xbb\xbf").unwrap_or(stream);
    let mut events = Vec::new();
    let mut data: Option<Vec<u8>> = None;
    let mut rest = stream;
    while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        let line = &rest[..end];
        let terminator = if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = &rest[end + terminator..];
        if line.is_empty() {
            events.extend(data.take());
            continue;
        }
        let (name, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        if name == b"data" {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            match &mut data {
                Some(text) => {
                    text.push(b'\n');
                    text.extend_from_slice(value);
                }
                None => data = Some(value.to_vec()),
            }
        }
    }
    events
}
