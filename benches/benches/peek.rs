//! What it costs to look over a request body and to change its model: by size, beside a full parse that keeps
//! nothing, the least that a general JSON parser could do.

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use weir_filters::format::peek::{Peek, PeekError, peek};
use weir_filters::format::splice::Edits;

fn looking(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("peek");
    for (name, body) in bodies() {
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(BenchmarkId::new("peek", &name), |bencher| bencher.iter(|| peek(black_box(&body))));
        group.bench_function(BenchmarkId::new("serde_json", &name), |bencher| {
            bencher.iter(|| serde_json::from_slice::<serde::de::IgnoredAny>(black_box(&body)));
        });
    }
}

fn splicing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("splice");
    for (name, body) in bodies() {
        let Ok(seen) = checked(&body) else { continue };
        group.bench_function(BenchmarkId::new("set model", &name), |bencher| {
            bencher.iter(|| {
                let mut edits = Edits::default();
                edits.set_member("model", r#""gpt-4o-mini""#);
                edits.apply(black_box(&seen), black_box(&body))
            });
        });
    }
}

fn checked(body: &Bytes) -> Result<Peek, PeekError> {
    let seen = peek(body)?;
    assert_eq!(seen.model(), Some("fast"), "the body that is measured is understood");
    Ok(seen)
}

/// Chat requests of about these sizes: prose with some escapes, in many messages.
fn bodies() -> Vec<(String, Bytes)> {
    let message = r#"{"role":"user","content":"Lorem ipsum dolor sit amet, consectetur \"adipiscing\" elit,\nsed do eiusmod tempor incididunt ut labore et dolore magna aliqua; ut enim ad minim veniam."}"#;
    [600, 20_000, 200_000, 2_000_000]
        .into_iter()
        .map(|size: usize| {
            let messages = vec![message; size.div_ceil(message.len()).max(1)].join(",");
            let body = format!(r#"{{"model":"fast","stream":true,"messages":[{messages}],"temperature":0.2}}"#);
            (format!("{} B", body.len()), Bytes::from(body))
        })
        .collect()
}

criterion_group!(benches, looking, splicing);
criterion_main!(benches);
