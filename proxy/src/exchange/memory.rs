//! A client in memory: the second implementor of [`Downstream`], for simulations without sockets.
//!
//! It says what it is told to say, keeps what it is told, and can leave at a chosen moment. Time is tokio's, so tests
//! that pause it run at once.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tokio::time::{Instant, sleep_until};

use super::port::{BodyError, Downstream, Gone, Protocol, ResponseHead};

/// A client and what it was told.
#[derive(Debug)]
pub struct MemoryClient {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: std::vec::IntoIter<Bytes>,
    leaves_at: Option<Instant>,
    /// What it was told.
    pub told: Told,
}

/// What a client was told.
#[derive(Debug, Default)]
pub struct Told {
    /// The head, once.
    pub head: Option<ResponseHead>,
    /// Every write, with the time since the client was made.
    pub writes: Vec<Bytes>,
    /// The end of the answer was written.
    pub ended: bool,
    /// The answer was broken off.
    pub aborted: bool,
}

// === impl MemoryClient ===

impl MemoryClient {
    /// A `POST` of JSON.
    #[must_use]
    pub fn post(target: &str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("weir.test"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self {
            method: Method::POST,
            target: target.to_owned(),
            headers,
            body: vec![body.into()].into_iter(),
            leaves_at: None,
            told: Told::default(),
        }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With the body in pieces of so many bytes.
    #[must_use]
    pub fn in_pieces(mut self, size: usize) -> Self {
        let whole: BytesMut = self.body.fold(BytesMut::new(), |mut all, piece| {
            all.extend_from_slice(&piece);
            all
        });
        self.body = whole.chunks(size.max(1)).map(Bytes::copy_from_slice).collect::<Vec<_>>().into_iter();
        self
    }

    /// Leaves after this time.
    #[must_use]
    pub fn leaving_after(mut self, time: Duration) -> Self {
        self.leaves_at = Some(Instant::now() + time);
        self
    }

    fn is_gone(&self) -> bool {
        self.leaves_at.is_some_and(|at| Instant::now() >= at)
    }
}

impl Told {
    /// The whole body.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        self.writes.concat()
    }

    /// The status, 0 when there was no head.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.as_ref().map_or(0, |head| head.status.as_u16())
    }

    /// One header of the head.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let head = self.head.as_ref()?;
        head.headers.iter().find(|(n, _)| n.as_str() == name).and_then(|(_, v)| v.to_str().ok())
    }
}

impl Downstream for MemoryClient {
    fn method(&self) -> &Method {
        &self.method
    }

    fn target(&self) -> &str {
        &self.target
    }

    fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    fn peer(&self) -> Option<SocketAddr> {
        Some(SocketAddr::from(([127, 0, 0, 1], 40_000)))
    }

    fn protocol(&self) -> Protocol {
        Protocol::Http1
    }

    async fn read_body(&mut self) -> Result<Option<Bytes>, BodyError> {
        if self.is_gone() { Err(BodyError::Gone) } else { Ok(self.body.next()) }
    }

    async fn write_head(&mut self, head: ResponseHead) -> Result<(), Gone> {
        if self.is_gone() {
            return Err(Gone);
        }
        assert!(self.told.head.is_none(), "a client is answered once");
        self.told.head = Some(head);
        Ok(())
    }

    async fn write_body(&mut self, data: Bytes, end: bool) -> Result<(), Gone> {
        if self.is_gone() {
            return Err(Gone);
        }
        assert!(self.told.head.is_some() && !self.told.ended, "a body stands between its head and its end");
        if !data.is_empty() {
            self.told.writes.push(data);
        }
        self.told.ended = end;
        Ok(())
    }

    async fn abort(&mut self) {
        self.told.aborted = true;
    }

    async fn gone(&mut self) {
        match self.leaves_at {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}
