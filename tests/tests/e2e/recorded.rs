//! Recorded and written streams of real vendors pass byte for byte, whatever the split.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use weir_filters::format::{Dialect, StreamEnd};
use weir_tests::client;
use weir_tests::upstream::{Reply, Upstream};
use weir_tests::weir::Weir;

use crate::policies::{APIS, Api, hear};

const COMPLETIONS: Api =
    Api { path: "/v1/completions", dialect: Dialect::OpenAiCompletions, provider: "compatible", base: "/v1" };

/// The complete streams of the corpus.
fn streams(dialect: Dialect) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = weir_tests::root().join("filters/tests/corpus/streams").join(dialect.name());
    let mut found: Vec<_> = fs::read_dir(&folder)
        .expect("the corpus is there")
        .map(|entry| entry.expect("the corpus can be listed").path())
        .filter(|path| path.extension().is_some_and(|end| end == "sse"))
        .map(|path| (path.clone(), fs::read(path).expect("the corpus can be read")))
        .filter(|(_, bytes)| hear(dialect, bytes).end == StreamEnd::Complete)
        .collect();
    found.sort();
    found
}

/// How a stream is cut into chunks.
fn splits(bytes: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').collect::<Vec<_>>();
    lines.retain(|line| !line.is_empty());
    let mut cuts = vec![vec![bytes], lines];
    cuts.extend([1, 7, 300].map(|size| bytes.chunks(size).collect()));
    cuts
}

async fn pass(api: Api) {
    let streams = Arc::new(streams(api.dialect));
    assert!(streams.len() >= 3, "{}: the corpus is too small", api.dialect);
    let told = Arc::clone(&streams);
    // The model names stream and split: `3-1`.
    let upstream = Upstream::start(move |seen, _| {
        let model = seen.json()["model"].as_str().expect("a model").to_owned();
        let (stream, split) = model.split_once('-').expect("two numbers");
        let bytes = &told[stream.parse::<usize>().expect("a number")].1;
        let split = &splits(bytes)[split.parse::<usize>().expect("a number")];
        split.iter().fold(Reply::sse(), |reply, piece| reply.chunk(piece)).end()
    })
    .await;
    let policy =
        format!("weir 1\n{}policy main {{ default {{ route a }} }}\n", api.endpoint("a", upstream.address, ""));
    let weir = Weir::run(policy).await;
    for (number, (path, bytes)) in streams.iter().enumerate() {
        for split in 0..splits(bytes).len() {
            let body = api.body(&format!("{number}-{split}"), true);
            // Who asks for usage gets the stream as it is.
            let body = body.replacen('{', r#"{"stream_options":{"include_usage":true},"#, 1);
            let answer = client::post(weir.address, api.path, body).await;
            assert_eq!(answer.status, 200, "{}: {}", path.display(), answer.text());
            assert!(answer.complete, "{} split {split}", path.display());
            assert_eq!(answer.text(), String::from_utf8_lossy(bytes), "{} split {split}", path.display());
            assert_eq!(answer.body, bytes[..], "{} split {split}", path.display());
        }
    }
}

#[tokio::test]
async fn chat() {
    pass(APIS[0]).await;
}

#[tokio::test]
async fn responses() {
    pass(APIS[1]).await;
}

#[tokio::test]
async fn messages() {
    pass(APIS[2]).await;
}

#[tokio::test]
async fn completions() {
    pass(COMPLETIONS).await;
}
