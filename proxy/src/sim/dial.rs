//! The simulated vendor in process: a `Dial` without sockets.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::time::{Instant, sleep_until};

use super::asked::Asked;
use super::play::{self, Head, Step};
use super::script::Script;
use crate::exchange::port::{Answer, Dial, Fault, Peer, UpstreamRequest};

/// Answers by a script, in process.
#[derive(Clone, Debug, Default)]
pub struct Sim {
    script: Arc<Script>,
    requests: Arc<AtomicU64>,
}

/// An answer that is being played.
#[derive(Debug)]
pub struct SimAnswer {
    steps: std::vec::IntoIter<Step>,
    headers: HeaderMap,
    /// End of the wait that is on; kept here so that a cancelled call goes on where it was.
    until: Option<Instant>,
    /// How the answer broke; it stays broken.
    broken: Option<Fault>,
    stalled: bool,
}

/// What an answer gives next.
enum Next {
    Head(Head),
    Body(Bytes),
    End,
}

// === impl Sim ===

impl Sim {
    /// Answers as `script` says.
    pub fn new(script: Script) -> Self {
        Self { script: Arc::new(script), requests: Arc::new(AtomicU64::new(0)) }
    }

    /// Requests seen so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Dial for Sim {
    type Answer = SimAnswer;

    async fn send(
        &self,
        peer: &Peer,
        request: &UpstreamRequest,
        connect: Duration,
        _fresh: bool,
    ) -> Result<SimAnswer, Fault> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let steps = steps(&self.script, peer, request, number);
        if let Some(Step::Refuse) = steps.first() {
            return Err(Fault::Connect);
        }
        if let [Step::Wait(time), Step::Refuse] = steps.as_slice() {
            tokio::time::sleep(connect.min(*time)).await;
            return Err(if connect < *time { Fault::ConnectTimeout } else { Fault::Connect });
        }
        Ok(SimAnswer {
            steps: steps.into_iter(),
            headers: HeaderMap::new(),
            until: None,
            broken: None,
            stalled: false,
        })
    }
}

fn steps(script: &Script, peer: &Peer, request: &UpstreamRequest, number: u64) -> Vec<Step> {
    let mut headers = HeaderMap::with_capacity(request.headers.len());
    for (name, value) in &request.headers {
        headers.append(name, value.clone());
    }
    let joined;
    let body: &[u8] = match request.body.as_slice() {
        [] => &[],
        [one] => one,
        many => {
            joined = many.concat();
            &joined
        }
    };
    let mut asked = Asked::new(&request.method, &request.target, &headers, &request.body, body);
    asked.endpoint = Some(&peer.endpoint);
    play::early(script, &asked, number).unwrap_or_else(|| play::play(script, &asked, number).0)
}

// === impl SimAnswer ===

impl SimAnswer {
    /// Performs steps until one gives something. Cancel-safe: a step is taken only once it is over.
    async fn next(&mut self) -> Result<Next, Fault> {
        loop {
            if let Some(fault) = self.broken {
                return Err(fault);
            }
            if self.stalled {
                pending::<()>().await;
            }
            if let Some(until) = self.until {
                sleep_until(until).await;
                self.until = None;
            }
            match self.steps.next() {
                Some(Step::Wait(time)) => self.until = Some(Instant::now() + time),
                Some(Step::Head(head)) => return Ok(Next::Head(head)),
                Some(Step::Body(bytes)) => return Ok(Next::Body(bytes)),
                Some(Step::Garble) => self.broken = Some(Fault::Garbled),
                Some(Step::Refuse | Step::Reset) => self.broken = Some(Fault::Reset { stale: false }),
                Some(Step::Close) => self.broken = Some(Fault::Truncated),
                Some(Step::Stall) => self.stalled = true,
                Some(Step::End) | None => return Ok(Next::End),
            }
        }
    }
}

impl Answer for SimAnswer {
    async fn head(&mut self) -> Result<StatusCode, Fault> {
        match self.next().await {
            Ok(Next::Head(head)) => {
                self.headers.extend(head.headers);
                if let Some(length) = head.length {
                    self.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
                }
                Ok(head.status)
            }
            // A connection that closes before a head is a broken one.
            Err(Fault::Truncated) => Err(Fault::Reset { stale: false }),
            Err(fault) => Err(fault),
            Ok(Next::Body(_) | Next::End) => Err(Fault::Garbled),
        }
    }

    fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    fn reused(&self) -> bool {
        false
    }

    async fn body(&mut self) -> Result<Option<Bytes>, Fault> {
        match self.next().await? {
            Next::Body(bytes) => Ok(Some(bytes)),
            Next::End => Ok(None),
            Next::Head(_) => Err(Fault::Garbled),
        }
    }

    async fn release(self) {}
}

#[cfg(test)]
mod tests {
    use http::Method;
    use smallvec::smallvec;

    use super::*;

    fn peer() -> Peer {
        Peer { endpoint: "e".into(), key: 1, host: "sim".into(), port: 0, tls: None, h2c: false, sim: true }
    }

    fn request(body: &'static str) -> UpstreamRequest {
        let (one, two) = body.split_at(body.len() / 2);
        UpstreamRequest {
            method: Method::POST,
            target: "/v1/chat/completions".to_owned(),
            headers: smallvec![(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))],
            body: smallvec![Bytes::from_static(one.as_bytes()), Bytes::from_static(two.as_bytes())],
        }
    }

    async fn send(script: &str, body: &'static str) -> Result<SimAnswer, Fault> {
        let sim = Sim::new(Script::parse(script).unwrap());
        sim.send(&peer(), &request(body), Duration::from_secs(1), false).await
    }

    /// The status, what came of the body, and how it ended.
    async fn hear(script: &str, body: &'static str) -> (u16, String, Result<(), Fault>) {
        let mut answer = send(script, body).await.unwrap();
        let status = answer.head().await.unwrap().as_u16();
        let mut text = String::new();
        loop {
            match answer.body().await {
                Ok(Some(bytes)) => text.push_str(std::str::from_utf8(&bytes).unwrap()),
                Ok(None) => return (status, text, Ok(())),
                Err(fault) => return (status, text, Err(fault)),
            }
        }
    }

    #[tokio::test]
    async fn a_request_in_slices_is_read_as_one() {
        let (status, text, end) = hear("", r#"{"model":"mini","stream":true}"#).await;
        assert_eq!((status, end), (200, Ok(())));
        assert!(text.contains("`mini`") && text.ends_with("data: [DONE]\n\n"), "{text}");
    }

    #[tokio::test]
    async fn faults_are_told_as_a_transport_would() {
        for (kind, fault) in [
            ("reset", Fault::Reset { stale: false }),
            ("close", Fault::Truncated),
            ("malformed_chunk", Fault::Garbled),
        ] {
            let script = format!("[[rule]]\nfault = {{ kind = \"{kind}\", after_events = 1 }}\n");
            let (status, _, end) = hear(&script, r#"{"stream":true}"#).await;
            assert_eq!((status, end), (200, Err(fault)), "{kind}");
        }
        for (kind, fault) in [("reset", Fault::Reset { stale: false }), ("close", Fault::Reset { stale: false })] {
            let mut answer = send(&format!("[[rule]]\nfault = {{ kind = \"{kind}\" }}\n"), "{}").await.unwrap();
            assert_eq!(answer.head().await, Err(fault), "{kind}");
        }
        let refused = send("[[rule]]\nfault = { kind = \"refuse\" }\n", "{}").await;
        assert_eq!(refused.err(), Some(Fault::Connect));
        let late = send("[[rule]]\npace = { head_ms = 9000 }\nfault = { kind = \"refuse\" }\n", "{}").await;
        assert_eq!(late.err(), Some(Fault::ConnectTimeout));
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_wait_goes_on_where_it_was() {
        let mut answer = send("[[rule]]\npace = { head_ms = 100 }\n", "{}").await.unwrap();
        let began = Instant::now();
        for _ in 0..3 {
            let short = Duration::from_millis(30);
            assert!(tokio::time::timeout(short, answer.head()).await.is_err());
        }
        assert_eq!(answer.head().await.unwrap(), StatusCode::OK);
        assert_eq!(began.elapsed().as_millis(), 100);
        assert!(answer.headers().contains_key(header::CONTENT_LENGTH));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stall_lasts() {
        let script = "[[rule]]\nfault = { kind = \"stall\", after_events = 0 }\n";
        let mut answer = send(script, r#"{"stream":true}"#).await.unwrap();
        answer.head().await.unwrap();
        for _ in 0..2 {
            assert!(tokio::time::timeout(Duration::from_secs(3_600), answer.body()).await.is_err());
        }
    }
}
