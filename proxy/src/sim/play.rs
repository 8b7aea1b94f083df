//! The pure core: one request in, the steps of its answer out.
//!
//! Both actors perform the same steps, so a script means the same in process and on a socket. This module refuses
//! to know clocks, sockets and the grammar of bodies.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use weir_filters::format::Dialect as Format;

use super::asked::{Asked, Dialect};
use super::echo;
use super::say::{self, Said};
use super::script::{After, Answer, Content, Fault, FaultKind, Pace, Place, Script};

/// One thing that an actor does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// Waits.
    Wait(Duration),
    /// Sends the head.
    Head(Head),
    /// Sends a piece of the body, flushed.
    Body(Bytes),
    /// Breaks the framing of the body.
    Garble,
    /// Refuses the connection.
    Refuse,
    /// Resets the connection.
    Reset,
    /// Closes the connection where the answer is not complete.
    Close,
    /// Does nothing until the client leaves.
    Stall,
    /// The answer is complete.
    End,
}

/// The head of an answer, without framing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Length of the body; chunked when unknown.
    pub(super) length: Option<usize>,
}

/// What an answer consists of before anything goes wrong.
#[derive(Debug)]
struct Plan {
    content_type: &'static str,
    /// Events of a stream; a whole body is one.
    events: Vec<Bytes>,
    /// The grammar, when it is a stream.
    stream: Option<Format>,
}

/// The steps of the answer to one request, and what then happens to its connection.
pub(super) fn play(script: &Script, asked: &Asked<'_>, number: u64) -> (Vec<Step>, After) {
    match script.find(asked, false) {
        Some(rule) => (scripted(script, asked, number, &rule.answer), rule.answer.after),
        None => (scripted(script, asked, number, &Answer::default()), After::Keep),
    }
}

/// The steps of an answer that is given before the body is read, if the script wants one.
pub(super) fn early(script: &Script, asked: &Asked<'_>, number: u64) -> Option<Vec<Step>> {
    let rule = script.find(asked, true)?;
    Some(scripted(script, asked, number, &rule.answer))
}

/// The steps that tell a JSON document.
pub(super) fn told(json: Bytes) -> Vec<Step> {
    let headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    let head = Head { status: StatusCode::OK, headers, length: Some(json.len()) };
    vec![Step::Head(head), Step::Body(json), Step::End]
}

/// The steps of one answer.
fn scripted(script: &Script, asked: &Asked<'_>, number: u64, answer: &Answer) -> Vec<Step> {
    let mut steps = Vec::with_capacity(4);
    wait(&mut steps, answer.pace.head);
    if let Some(Fault { kind, place: Place::Head, .. }) = answer.fault {
        steps.push(broken(kind));
        return steps;
    }
    let plan = plan(script, asked, number, answer);
    steps.push(Step::Head(head(answer, &plan)));
    wait(&mut steps, answer.pace.body);
    body(&mut steps, answer, plan);
    steps
}

fn head(answer: &Answer, plan: &Plan) -> Head {
    let mut headers = Vec::with_capacity(answer.headers.len() + 2);
    headers.push((header::CONTENT_TYPE, HeaderValue::from_static(plan.content_type)));
    if plan.stream.is_some() {
        headers.push((header::CACHE_CONTROL, HeaderValue::from_static("no-cache")));
    }
    for (name, value) in &answer.headers {
        headers.retain(|(known, _)| known != name || name == header::SET_COOKIE);
        headers.push((name.clone(), value.clone()));
    }
    // Chunks are needed to break one, and an end that comes early must not contradict a length.
    let chunked = answer.fault.is_some_and(|fault| match fault.kind {
        FaultKind::MalformedChunk | FaultKind::InvalidJson | FaultKind::ErrorEvent | FaultKind::Eof => true,
        FaultKind::Refuse | FaultKind::Reset | FaultKind::Close | FaultKind::Stall => false,
    });
    let length = plan.events.iter().map(Bytes::len).sum();
    Head { status: answer.status, headers, length: (plan.stream.is_none() && !chunked).then_some(length) }
}

fn wait(steps: &mut Vec<Step>, time: Duration) {
    if !time.is_zero() {
        steps.push(Step::Wait(time));
    }
}

/// What an actor does at the place of a fault that is not a piece of text.
fn broken(kind: FaultKind) -> Step {
    match kind {
        FaultKind::Refuse => Step::Refuse,
        FaultKind::Reset => Step::Reset,
        FaultKind::Close => Step::Close,
        FaultKind::Stall => Step::Stall,
        FaultKind::MalformedChunk => Step::Garble,
        FaultKind::InvalidJson | FaultKind::ErrorEvent | FaultKind::Eof => Step::End,
    }
}

// === content ===

fn plan(script: &Script, asked: &Asked<'_>, number: u64, answer: &Answer) -> Plan {
    let whole = |bytes| Plan { content_type: "application/json", events: vec![bytes], stream: None };
    match &answer.content {
        Content::Raw(body) => return whole(Bytes::copy_from_slice(body.as_bytes())),
        Content::Error(message) => return whole(say::error(asked, answer.status, message)),
        Content::Default if answer.status.as_u16() >= 400 => {
            return whole(say::error(asked, answer.status, "the simulated vendor was told to fail"));
        }
        Content::Default | Content::Pieces(_) => {}
    }
    let Some(format) = asked.dialect.format() else {
        return whole(match asked.dialect {
            Dialect::Models => say::models(&script.models),
            Dialect::CountTokens => say::token_count(asked),
            Dialect::Embeddings => say::embeddings(asked, number, answer),
            Dialect::Chat | Dialect::Completions | Dialect::Responses | Dialect::Messages | Dialect::Other => {
                echo::echo(asked)
            }
        });
    };
    let said = Said::new(asked, number, answer);
    if asked.stream {
        let events = say::events(format, &said, asked.wants_usage);
        Plan { content_type: "text/event-stream", events, stream: Some(format) }
    } else {
        whole(say::whole(format, &said))
    }
}

// === body ===

/// The body's steps, with the fault where the script puts it.
fn body(steps: &mut Vec<Step>, answer: &Answer, plan: Plan) {
    let Plan { mut events, stream, .. } = plan;
    let Some(fault) = answer.fault else {
        paced(steps, answer.pace, events, usize::MAX);
        steps.push(Step::End);
        return;
    };
    let mut bytes_max = usize::MAX;
    match (fault.place, stream) {
        (Place::Head, _) => {}
        (Place::Bytes(n), _) => bytes_max = n,
        (Place::Tokens(n), Some(format)) => events.truncate(say::position_after_tokens(format, &events, n)),
        (Place::Events(n), _) | (Place::Tokens(n), None) => events.truncate(n),
    }
    let last = last_words(stream, &events, fault.kind);
    paced(steps, answer.pace, events, bytes_max);
    wait(steps, fault.wait);
    pieces(steps, answer.pace.chunk_bytes, last);
    steps.push(broken(fault.kind));
}

/// What a fault still sends.
fn last_words(stream: Option<Format>, sent: &[Bytes], kind: FaultKind) -> Bytes {
    match (kind, stream) {
        (FaultKind::InvalidJson, Some(_)) => Bytes::from_static(b"data: {not json\n\n"),
        (FaultKind::InvalidJson, None) => Bytes::from_static(b"{not json"),
        (FaultKind::ErrorEvent, Some(format)) => say::error_event(format, sent, "the simulated vendor broke off"),
        (FaultKind::ErrorEvent, None)
        | (
            FaultKind::Refuse
            | FaultKind::Reset
            | FaultKind::Close
            | FaultKind::Stall
            | FaultKind::MalformedChunk
            | FaultKind::Eof,
            _,
        ) => Bytes::new(),
    }
}

/// Sends the events at their pace. Without a pace they go out together, as they would over a fast network.
fn paced(steps: &mut Vec<Step>, pace: Pace, mut events: Vec<Bytes>, bytes_max: usize) {
    shorten(&mut events, bytes_max);
    if pace.event.is_zero() {
        let joined = match events.as_slice() {
            [one] => one.clone(),
            many => Bytes::from(many.concat()),
        };
        return pieces(steps, pace.chunk_bytes, joined);
    }
    for (at, event) in events.into_iter().enumerate() {
        if at > 0 {
            steps.push(Step::Wait(pace.event));
        }
        pieces(steps, pace.chunk_bytes, event);
    }
}

/// Keeps the first `bytes_max` bytes.
fn shorten(events: &mut Vec<Bytes>, bytes_max: usize) {
    let mut left = bytes_max;
    for event in events.iter_mut() {
        event.truncate(left);
        left -= event.len();
    }
    events.retain(|event| !event.is_empty());
}

/// Cuts bytes into pieces of a size.
fn pieces(steps: &mut Vec<Step>, chunk_bytes: Option<usize>, mut bytes: Bytes) {
    if let Some(size) = chunk_bytes {
        while bytes.len() > size {
            steps.push(Step::Body(bytes.split_to(size)));
        }
    }
    if !bytes.is_empty() {
        steps.push(Step::Body(bytes));
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};
    use weir_filters::format::{StreamEnd, UsageAsked};
    use weir_filters::frame::sse::SseDecoder;

    use super::*;

    const PATHS: [(&str, Format); 4] = [
        ("/v1/chat/completions", Format::OpenAiChat),
        ("/v1/completions", Format::OpenAiCompletions),
        ("/v1/responses", Format::OpenAiResponses),
        ("/v1/messages", Format::AnthropicMessages),
    ];
    const TALK: &str = "[[rule]]\nanswer = { pieces = [\"one \", \"two \", \"three\"] }\n";

    fn steps(script: &str, target: &str, body: &str) -> Vec<Step> {
        let script = Script::parse(script).unwrap();
        let headers = HeaderMap::new();
        let body = [Bytes::copy_from_slice(body.as_bytes())];
        play(&script, &Asked::new(&Method::POST, target, &headers, &body, &body[0]), 7).0
    }

    fn text(steps: &[Step]) -> String {
        let bytes: Vec<u8> = steps
            .iter()
            .filter_map(|step| if let Step::Body(bytes) = step { Some(bytes.to_vec()) } else { None })
            .flatten()
            .collect();
        String::from_utf8(bytes).unwrap()
    }

    fn head(steps: &[Step]) -> &Head {
        steps.iter().find_map(|step| if let Step::Head(head) = step { Some(head) } else { None }).unwrap()
    }

    /// How the stream ends for one who reads it.
    fn end(format: Format, stream: &str) -> StreamEnd {
        let mut reader = format.stream_reader(UsageAsked::AsClientSaid);
        let mut decoder = SseDecoder::new(1 << 20);
        decoder.push(Bytes::copy_from_slice(stream.as_bytes()));
        while let Some(frame) = decoder.next_frame().unwrap() {
            reader.read(&frame);
        }
        reader.end()
    }

    #[test]
    fn the_default_answer_names_model_and_length() {
        for (path, format) in PATHS {
            let body = r#"{"model":"m-1"}"#;
            let steps = steps("", path, body);
            let whole = text(&steps);
            assert!(whole.contains("`m-1` with 15 bytes"), "{whole}");
            assert_eq!(head(&steps).length, Some(whole.len()));
            assert_eq!(steps.last(), Some(&Step::End));
            format.read_whole(whole.as_bytes()).unwrap();
        }
    }

    #[test]
    fn streams_are_complete_in_every_format() {
        for (path, format) in PATHS {
            let steps = steps(TALK, path, r#"{"model":"m","stream":true}"#);
            assert_eq!(head(&steps).length, None);
            assert_eq!(end(format, &text(&steps)), StreamEnd::Complete, "{path}");
        }
    }

    #[test]
    fn a_fault_before_the_first_token_leaves_no_token() {
        for (path, format) in PATHS {
            for (kind, last) in
                [("reset", Step::Reset), ("close", Step::Close), ("stall", Step::Stall), ("eof", Step::End)]
            {
                for (after, said) in [(0, ""), (1, "one"), (2, "two")] {
                    let script = format!("{TALK}fault = {{ kind = \"{kind}\", after_tokens = {after} }}\n");
                    let steps = steps(&script, path, r#"{"model":"m","stream":true}"#);
                    let stream = text(&steps);
                    assert_eq!(steps.last(), Some(&last), "{path} {kind}");
                    assert!(stream.contains(said) && !stream.contains("three"), "{path} {after}: {stream}");
                    assert_eq!(stream.contains("one"), after > 0, "{path} {after}: {stream}");
                    assert_eq!(end(format, &stream), StreamEnd::Cut, "{path} {kind}");
                }
            }
        }
    }

    #[test]
    fn an_error_event_speaks_the_format() {
        for (path, format) in PATHS {
            let script = format!("{TALK}fault = {{ kind = \"error_event\", after_tokens = 1 }}\n");
            let stream = text(&steps(&script, path, r#"{"model":"m","stream":true}"#));
            assert_eq!(end(format, &stream), StreamEnd::Failed, "{stream}");
        }
    }

    #[test]
    fn usage_stands_where_the_script_says() {
        let usage = |shape: &str, asked: bool| {
            let script = format!("[[rule]]\nanswer = {{ text = \"a\", usage_shape = \"{shape}\" }}\n");
            let body = format!(r#"{{"stream":true,"stream_options":{{"include_usage":{asked}}}}}"#);
            let stream = text(&steps(&script, "/v1/chat/completions", &body));
            (stream.contains("\"choices\":[],"), stream.contains("\"prompt_tokens\""))
        };
        assert_eq!(usage("as_asked", true), (true, true));
        assert_eq!(usage("as_asked", false), (false, false));
        assert_eq!(usage("always", false), (true, true));
        assert_eq!(usage("on_finish", false), (false, true));
        assert_eq!(usage("absent", true), (false, false));
    }

    #[test]
    fn pace_cuts_and_waits() {
        let whole = text(&steps(TALK, "/v1/chat/completions", r#"{"stream":true}"#));
        let script = format!("{TALK}pace = {{ head_ms = 5, event_ms = 7, chunk_bytes = 10 }}\n");
        let steps = steps(&script, "/v1/chat/completions", r#"{"stream":true}"#);
        assert_eq!(steps[0], Step::Wait(Duration::from_millis(5)));
        let waits = steps.iter().filter(|step| **step == Step::Wait(Duration::from_millis(7))).count();
        assert_eq!(waits, whole.matches("\n\n").count() - 1);
        assert!(steps.iter().all(|step| if let Step::Body(bytes) = step { bytes.len() <= 10 } else { true }));
        assert_eq!(text(&steps), whole);
    }

    #[test]
    fn a_fault_stands_at_its_byte() {
        let script = format!("{TALK}fault = {{ kind = \"reset\", after_bytes = 33 }}\n");
        for body in [r#"{"stream":true}"#, "{}"] {
            let steps = steps(&script, "/v1/messages", body);
            assert_eq!(text(&steps).len(), 33);
            assert_eq!(steps.last(), Some(&Step::Reset));
        }
    }

    #[test]
    fn errors_have_the_vendors_shape() {
        let script = "[[rule]]\nanswer = { status = 429, retry_after = \"3\", error = \"slow down\" }\n";
        let steps = steps(script, "/v1/messages", "{}");
        assert_eq!(head(&steps).status.as_u16(), 429);
        assert!(head(&steps).headers.contains(&(header::RETRY_AFTER, HeaderValue::from_static("3"))));
        let body = text(&steps);
        assert!(body.contains(r#""type":"error""#) && body.contains("slow down"), "{body}");
    }

    #[test]
    fn other_paths_are_echoed() {
        let body = text(&steps("", "/v1/files?x=1", "abc"));
        assert!(body.contains(r#""path":"/v1/files?x=1""#), "{body}");
        assert!(body.contains("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "{body}");
    }

    #[test]
    fn the_nth_request_is_counted_per_rule() {
        let script =
            Script::parse("[[rule]]\nwhen = { model = \"m\", nth = \"2..3\" }\nanswer = { status = 503 }\n").unwrap();
        let headers = HeaderMap::new();
        let statuses: Vec<u16> = ["m", "x", "m", "m", "m"]
            .iter()
            .map(|model| {
                let body = format!("{{\"model\":\"{model}\"}}");
                let asked = Asked::new(&Method::POST, "/v1/chat/completions", &headers, &[], body.as_bytes());
                head(&play(&script, &asked, 1).0).status.as_u16()
            })
            .collect();
        assert_eq!(statuses, [200, 200, 503, 503, 200]);
    }
}
