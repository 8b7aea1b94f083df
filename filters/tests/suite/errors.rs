//! Errors both ways: what vendors' errors amount to, and how ours are told.
//!
//! `corpus/errors/vendor/NAME.txt` holds answers, each `> STATUS BODY` (`%HH` is a byte, `200` is read as an answer of
//! the dialect that the file is named after), followed by what is read in it.

use std::fmt::Write as _;
use std::fs;

use weir_filters::format::{ApiError, Dialect, ErrorKind, Meaning, UsageAsked};
use weir_filters::frame::sse::SseDecoder;

use crate::golden;

#[test]
fn vendors_errors() {
    let mut rows = 0;
    for path in golden::files("errors/vendor", "txt") {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let dialect = Dialect::ALL.into_iter().find(|dialect| dialect.name() == name).unwrap_or(Dialect::OpenAiChat);
        let mut out = String::new();
        for line in fs::read_to_string(&path).unwrap().lines() {
            if line.starts_with('#') {
                writeln!(out, "{line}").unwrap();
            }
            let Some(answer) = line.strip_prefix("> ") else { continue };
            rows += 1;
            let (status, body) = answer.split_once(' ').unwrap_or((answer, ""));
            let status: u16 = status.parse().unwrap();
            let body = golden::unescape(body);
            let read = match status {
                200 => dialect.read_whole(&body),
                _ => Err(dialect.read_error(status, &body)),
            };
            writeln!(out, "> {answer}").unwrap();
            match read {
                Ok(whole) => writeln!(out, "good {whole:?}").unwrap(),
                Err(error) => {
                    let text = |text: Option<Box<str>>| text.map_or("-".to_owned(), |text| format!("{text:?}"));
                    let status = error.status.map_or("-".to_owned(), |status| status.to_string());
                    writeln!(
                        out,
                        "{:?} status {status} type {} code {} message {}",
                        error.failure,
                        text(error.kind),
                        text(error.code),
                        text(error.message)
                    )
                    .unwrap();
                }
            }
            // However much of the body has arrived, it is read without harm.
            for end in 0..body.len() {
                let _ = dialect.read_error(status, &body[..end]);
            }
        }
        golden::check(&path, &out);
    }
    assert!(rows >= 60, "{rows} rows");
}

#[test]
fn an_error_s_class_survives_a_body_that_is_cut() {
    let body = br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#;
    let whole = Dialect::AnthropicMessages.read_error(503, body).failure;
    for end in 50..body.len() {
        assert_eq!(Dialect::AnthropicMessages.read_error(503, &body[..end]).failure, whole, "cut at {end}");
    }
}

const KINDS: [(ErrorKind, u16); 10] = [
    (ErrorKind::InvalidRequest, 400),
    (ErrorKind::Authentication, 401),
    (ErrorKind::Permission, 403),
    (ErrorKind::NotFound, 404),
    (ErrorKind::TooLarge, 413),
    (ErrorKind::RateLimited, 429),
    (ErrorKind::Overloaded, 503),
    (ErrorKind::Timeout, 504),
    (ErrorKind::Upstream, 502),
    (ErrorKind::Internal, 500),
];

fn error(kind: ErrorKind, status: u16) -> ApiError {
    ApiError {
        kind,
        code: "some.code".into(),
        message: "no \"luck\"\nfor `gpt`".to_owned(),
        param: (status == 400).then(|| "model".to_owned()),
        status,
        request_id: (status != 500).then(|| "req_1".to_owned()),
    }
}

#[test]
fn our_errors_are_told_in_the_client_s_words() {
    for dialect in Dialect::ALL {
        let mut out = String::new();
        for (kind, status) in KINDS {
            let body = dialect.error_body(&error(kind, status));
            serde_json::from_slice::<serde_json::Value>(&body).unwrap();
            writeln!(out, "{kind:?}: {}", std::str::from_utf8(&body).unwrap()).unwrap();
        }
        let event = dialect.error_event(&error(ErrorKind::Upstream, 502));
        writeln!(out, "in a stream:\n{}", std::str::from_utf8(&event).unwrap()).unwrap();
        writeln!(out, "keepalive: {:?}", dialect.keepalive()).unwrap();
        golden::check(&golden::corpus("errors/ours").join(format!("{}.txt", dialect.name())), &out);
    }
}

#[test]
fn our_errors_in_a_stream_are_errors_to_our_own_readers() {
    for dialect in Dialect::ALL.into_iter().filter(|dialect| dialect.streams()) {
        let mut decoder = SseDecoder::default();
        let mut reader = dialect.stream_reader(UsageAsked::ByUs);
        decoder.push(dialect.keepalive());
        let keepalive = decoder.next_frame().unwrap().unwrap();
        assert_eq!(reader.read(&keepalive).meaning, Meaning::Hold, "{dialect}");
        decoder.push(reader.error_event(&error(ErrorKind::Overloaded, 503)));
        let frame = decoder.next_frame().unwrap().unwrap();
        let Meaning::Error(read) = reader.read(&frame).meaning else { panic!("{dialect}: {frame:?}") };
        assert_eq!(read.message.as_deref(), Some("no \"luck\"\nfor `gpt`"), "{dialect}");
        assert!(decoder.finish().is_none());
    }
}
