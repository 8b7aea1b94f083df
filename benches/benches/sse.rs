//! What it costs to cut a stream into frames: an event in a chunk, as it comes live; many in a chunk; cut anywhere.

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use weir_filters::frame::sse::{FRAME_BYTES_MAX, SseDecoder};

const EVENTS: usize = 100;
const EVENT: &str = "data: {\"id\":\"chatcmpl-0001\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" token\"},\"finish_reason\":null}]}\n\n";

fn framing(criterion: &mut Criterion) {
    let stream = Bytes::from(EVENT.repeat(EVENTS));
    let mut group = criterion.benchmark_group("sse");
    group.throughput(Throughput::Elements(EVENTS as u64));
    for (name, size) in [("an event a chunk", EVENT.len()), ("16 KiB chunks", 16 * 1024), ("97 byte chunks", 97)] {
        let chunks: Vec<Bytes> = stream.chunks(size).map(Bytes::copy_from_slice).collect();
        assert_eq!(decode(&chunks), EVENTS, "every event that is measured is found");
        group
            .bench_function(BenchmarkId::from_parameter(name), |bencher| bencher.iter(|| decode(black_box(&chunks))));
    }
}

/// How many frames the chunks hold.
fn decode(chunks: &[Bytes]) -> usize {
    let mut decoder = SseDecoder::new(FRAME_BYTES_MAX);
    let mut frames = 0;
    for chunk in chunks {
        decoder.push(chunk.clone());
        while let Ok(Some(frame)) = decoder.next_frame() {
            frames += usize::from(black_box(frame.data()).is_some());
        }
    }
    frames
}

criterion_group!(benches, framing);
criterion_main!(benches);
