//! Clients: HTTP/1.1 and HTTP/2 through hyper, and one that writes and reads bytes.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::PATIENCE;

type OutBody = BoxBody<Bytes, Infallible>;

/// One connection to weir.
#[derive(Debug)]
pub enum Client {
    /// HTTP/1.1.
    H1(http1::SendRequest<OutBody>),
    /// HTTP/2.
    H2(http2::SendRequest<OutBody>),
}

/// A complete answer, or what came of it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body as far as it came.
    pub body: Bytes,
    /// Whether it ended properly.
    pub complete: bool,
}

/// An answer that is read piece by piece. Dropping it leaves.
#[derive(Debug)]
pub struct Streaming {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    body: Incoming,
    /// Keeps the connection: hyper closes one that nobody can use again.
    _client: Client,
}

/// How a body is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sending {
    /// With `content-length`.
    Whole,
    /// In chunks, its length unknown.
    Pieces,
}

// === impl Client ===

impl Client {
    /// HTTP/1.1 in clear text.
    pub async fn h1(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("weir accepts");
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
        tokio::spawn(connection);
        Self::H1(sender)
    }

    /// HTTP/2 in clear text, with prior knowledge.
    pub async fn h2c(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("weir accepts");
        Self::over_h2(TokioIo::new(stream)).await
    }

    /// Over TLS, with what ALPN agrees on.
    pub async fn tls(address: SocketAddr, config: Arc<ClientConfig>) -> Self {
        let stream = TcpStream::connect(address).await.expect("weir accepts");
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = TlsConnector::from(config).connect(name, stream).await.expect("TLS");
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            return Self::over_h2(TokioIo::new(stream)).await;
        }
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
        tokio::spawn(connection);
        Self::H1(sender)
    }

    async fn over_h2<I>(io: I) -> Self
    where
        I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.expect("HTTP/2");
        tokio::spawn(connection);
        Self::H2(sender)
    }

    /// Sends a request and gives the answer's head.
    ///
    /// # Errors
    /// When the connection breaks before there is one.
    pub async fn open(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
        sending: Sending,
    ) -> hyper::Result<Response<Incoming>> {
        let body = match sending {
            Sending::Whole => Full::new(body.into()).boxed(),
            Sending::Pieces => Pieces::new(body.into()).boxed(),
        };
        let target = match self {
            Self::H1(_) => path.to_owned(),
            Self::H2(_) => format!("http://localhost{path}"),
        };
        let mut request = Request::builder().method(method).uri(target);
        if let Self::H1(_) = self {
            request = request.header("host", "localhost");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).expect("a request");
        let sent = async {
            match self {
                Self::H1(sender) => {
                    sender.ready().await?;
                    sender.send_request(request).await
                }
                Self::H2(sender) => {
                    sender.ready().await?;
                    sender.send_request(request).await
                }
            }
        };
        timeout(PATIENCE * 2, sent).await.expect("weir answers in time")
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
        sending: Sending,
    ) -> Answer {
        let answer = self.open(method, path, headers, body, sending).await.expect("weir answers");
        read(answer).await
    }

    /// Posts JSON.
    pub async fn post(&mut self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], body, Sending::Whole).await
    }
}

async fn read(answer: Response<Incoming>) -> Answer {
    let (head, mut body) = answer.into_parts();
    let mut bytes = Vec::new();
    let complete = loop {
        match timeout(PATIENCE, body.frame()).await.expect("weir goes on in time") {
            None => break true,
            Some(Err(_)) => break false,
            Some(Ok(frame)) => bytes.extend(frame.into_data().unwrap_or_default()),
        }
    };
    Answer { status: head.status, headers: head.headers, body: Bytes::from(bytes), complete }
}

/// Posts JSON on a connection of its own.
pub async fn post(address: SocketAddr, path: &str, body: impl Into<Bytes>) -> Answer {
    Client::h1(address).await.post(path, body).await
}

/// Gets on a connection of its own.
pub async fn get(address: SocketAddr, path: &str) -> Answer {
    Client::h1(address).await.send("GET", path, &[], "", Sending::Whole).await
}

/// Posts JSON and reads the answer piece by piece.
pub async fn stream(mut client: Client, path: &str, body: impl Into<Bytes>) -> Streaming {
    let json = [("content-type", "application/json")];
    let answer = client.open("POST", path, &json, body, Sending::Whole).await.expect("weir answers");
    let (head, body) = answer.into_parts();
    Streaming { status: head.status, headers: head.headers, body, _client: client }
}

// === impl Answer ===

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON: {error}: {}", self.text()))
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

// === impl Streaming ===

impl Streaming {
    /// The next bytes; none at the proper end.
    ///
    /// # Errors
    /// When the answer breaks.
    pub async fn next(&mut self) -> Option<hyper::Result<Bytes>> {
        let frame = timeout(PATIENCE, self.body.frame()).await.expect("weir goes on in time")?;
        Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
    }

    /// Reads until the text is there, and gives all that came.
    pub async fn until(&mut self, text: &str) -> String {
        let mut got = String::new();
        while !got.contains(text) {
            let bytes = self.next().await.unwrap_or_else(|| panic!("`{text}` never came: {got}"));
            got.push_str(&String::from_utf8_lossy(&bytes.expect("the answer goes on")));
        }
        got
    }
}

// === bytes ===

/// Writes bytes and reads until weir closes, or until it is silent after `until` has come.
pub async fn raw(address: SocketAddr, bytes: &[u8], until: Option<&str>) -> String {
    let mut stream = TcpStream::connect(address).await.expect("weir accepts");
    // weir may close before all was written; what it said before is what counts.
    drop(stream.write_all(bytes).await);
    let mut got = Vec::new();
    loop {
        let read = timeout(PATIENCE, stream.read_buf(&mut got)).await;
        let text = String::from_utf8_lossy(&got);
        match read {
            Err(_) => panic!("weir neither answers nor closes, so far: {text}"),
            Ok(Ok(0) | Err(_)) => return text.into_owned(),
            Ok(Ok(_)) if until.is_some_and(|until| text.contains(until)) => return text.into_owned(),
            Ok(Ok(_)) => {}
        }
    }
}

/// A body whose length is not told.
#[derive(Debug)]
struct Pieces(VecDeque<Bytes>);

impl Pieces {
    fn new(mut body: Bytes) -> Self {
        const SIZE: usize = 64 << 10;
        let mut pieces = VecDeque::new();
        while !body.is_empty() {
            pieces.push_back(body.split_to(SIZE.min(body.len())));
        }
        Self(pieces)
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|bytes| Ok(Frame::data(bytes))))
    }
}
