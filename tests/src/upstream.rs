//! An upstream that speaks HTTP/1.1 by the byte: whatever a test scripts goes onto the wire as it is.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::until;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Method.
    pub method: String,
    /// Request target.
    pub target: String,
    /// Headers, names in lower case, in the order of the wire.
    pub headers: Vec<(String, String)>,
    /// Body, chunks joined.
    pub body: Bytes,
    /// Number of the connection, from 1.
    pub connection: u64,
    /// Whether the body came in chunks.
    pub chunked: bool,
}

/// What the upstream does for one request, in order. Then the connection stays open.
#[derive(Clone, Debug, Default)]
pub struct Reply(Vec<Act>);

#[derive(Clone, Debug)]
enum Act {
    Send(Bytes),
    Wait(Duration),
    Reset,
    Close,
    Hang,
    Echo,
}

/// A running upstream.
#[derive(Debug)]
pub struct Upstream {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Vec<Seen>>,
    left: Mutex<Vec<Instant>>,
    connections: AtomicU64,
}

type Script = dyn Fn(&Seen, usize) -> Reply + Send + Sync;

// === impl Seen ===

impl Seen {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the upstream got JSON")
    }
}

// === impl Reply ===

impl Reply {
    /// A JSON answer with its length.
    pub fn json(status: u16, body: &str) -> Self {
        Self::with_headers(status, &[], body)
    }

    /// A JSON answer with further headers.
    pub fn with_headers(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        Self::default().raw(format!(
            "HTTP/1.1 {status} Any\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{lines}\r\n{body}",
            body.len()
        ))
    }

    /// The head of a stream in chunks.
    pub fn sse() -> Self {
        Self::default().raw(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
             transfer-encoding: chunked\r\n\r\n",
        )
    }

    /// Bytes onto the wire.
    #[must_use]
    pub fn raw(mut self, bytes: impl Into<Bytes>) -> Self {
        self.0.push(Act::Send(bytes.into()));
        self
    }

    /// A chunk.
    #[must_use]
    pub fn chunk(self, bytes: &[u8]) -> Self {
        let size = format!("{:x}\r\n", bytes.len());
        self.raw([size.as_bytes(), bytes, b"\r\n"].concat())
    }

    /// An event of a chat stream, in a chunk of its own.
    #[must_use]
    pub fn event(self, data: &str) -> Self {
        self.chunk(format!("data: {data}\n\n").as_bytes())
    }

    /// The last chunk.
    #[must_use]
    pub fn end(self) -> Self {
        self.raw("0\r\n\r\n")
    }

    /// Time.
    #[must_use]
    pub fn wait(mut self, time: Duration) -> Self {
        self.0.push(Act::Wait(time));
        self
    }

    /// `RST`.
    #[must_use]
    pub fn reset(mut self) -> Self {
        self.0.push(Act::Reset);
        self
    }

    /// `FIN`.
    #[must_use]
    pub fn close(mut self) -> Self {
        self.0.push(Act::Close);
        self
    }

    /// Silence until the client leaves, which is recorded.
    #[must_use]
    pub fn hang(mut self) -> Self {
        self.0.push(Act::Hang);
        self
    }

    /// Whatever comes goes back, until the client leaves.
    #[must_use]
    pub fn echo(mut self) -> Self {
        self.0.push(Act::Echo);
        self
    }
}

// === impl Upstream ===

impl Upstream {
    /// Starts one. `script` gets each request and its number from 1.
    pub async fn start(script: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let shared = Arc::new(Shared::default());
        let script: Arc<Script> = Arc::new(script);
        let kept = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                drop(stream.set_nodelay(true));
                let number = kept.connections.fetch_add(1, Ordering::Relaxed) + 1;
                tokio::spawn(serve(stream, number, Arc::clone(&kept), Arc::clone(&script)));
            }
        });
        Self { address, shared }
    }

    /// The base URL for an endpoint.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().expect("no test panics with it").clone()
    }

    /// Connections so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Waits until `count` requests have arrived.
    pub async fn saw(&self, count: usize) -> Vec<Seen> {
        until("the upstream to see a request", || Some(self.seen()).filter(|seen| seen.len() >= count)).await
    }

    /// Waits until a client has left a hanging answer, and says when.
    pub async fn left(&self) -> Instant {
        let left = || self.shared.left.lock().expect("no test panics with it").first().copied();
        until("the upstream to be left", left).await
    }
}

async fn serve(mut stream: TcpStream, number: u64, shared: Arc<Shared>, script: Arc<Script>) {
    let mut ahead = Vec::new();
    while let Some(seen) = request(&mut stream, &mut ahead, number).await {
        let count = {
            let mut list = shared.seen.lock().expect("no test panics with it");
            list.push(seen.clone());
            list.len()
        };
        for act in script(&seen, count).0 {
            if !perform(act, &mut stream, &shared).await {
                return;
            }
        }
    }
}

/// Whether the connection goes on.
async fn perform(act: Act, stream: &mut TcpStream, shared: &Shared) -> bool {
    let left = || shared.left.lock().expect("no test panics with it").push(Instant::now());
    match act {
        Act::Send(bytes) => {
            let sent = stream.write_all(&bytes).await.is_ok();
            if !sent {
                left();
            }
            sent
        }
        Act::Wait(time) => {
            tokio::select! {
                () = tokio::time::sleep(time) => true,
                () = gone(stream) => { left(); false }
            }
        }
        Act::Hang => {
            gone(stream).await;
            left();
            false
        }
        Act::Reset => {
            drop(stream.set_zero_linger());
            false
        }
        Act::Close => {
            drop(stream.shutdown().await);
            false
        }
        Act::Echo => {
            let (mut read, mut write) = stream.split();
            drop(tokio::io::copy(&mut read, &mut write).await);
            left();
            false
        }
    }
}

/// Resolves when the client has closed or reset. What it sends is of no interest.
async fn gone(stream: &mut TcpStream) {
    let mut waste = [0; 4096];
    while stream.read(&mut waste).await.is_ok_and(|read| read > 0) {}
}

/// The next request; none when the client is gone or says nonsense.
async fn request(stream: &mut TcpStream, ahead: &mut Vec<u8>, connection: u64) -> Option<Seen> {
    let (mut seen, length) = loop {
        let mut fields = [httparse::EMPTY_HEADER; 128];
        let mut parsed = httparse::Request::new(&mut fields);
        if let httparse::Status::Complete(length) = parsed.parse(ahead).ok()? {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let headers = parsed.headers.iter();
            let seen = Seen {
                method: parsed.method?.to_owned(),
                target: parsed.path?.to_owned(),
                headers: headers.map(|field| (field.name.to_ascii_lowercase(), text(field.value))).collect(),
                body: Bytes::new(),
                connection,
                chunked: false,
            };
            break (seen, length);
        }
        more(stream, ahead).await?;
    };
    ahead.drain(..length);
    seen.chunked = seen.header("transfer-encoding").is_some();
    seen.body = if seen.chunked {
        chunks(stream, ahead).await?
    } else {
        let length = seen.header("content-length").map_or(Some(0), |text| text.parse().ok())?;
        take(stream, ahead, length).await?
    };
    Some(seen)
}

async fn chunks(stream: &mut TcpStream, ahead: &mut Vec<u8>) -> Option<Bytes> {
    let mut body = Vec::new();
    loop {
        let size = line(stream, ahead).await?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        body.extend_from_slice(&take(stream, ahead, size).await?);
        line(stream, ahead).await?;
        if size == 0 {
            return Some(Bytes::from(body));
        }
    }
}

async fn line(stream: &mut TcpStream, ahead: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = ahead.windows(2).position(|pair| pair == b"\r\n") {
            let line = String::from_utf8_lossy(&ahead[..end]).into_owned();
            ahead.drain(..end + 2);
            return Some(line);
        }
        more(stream, ahead).await?;
    }
}

async fn take(stream: &mut TcpStream, ahead: &mut Vec<u8>, length: usize) -> Option<Bytes> {
    while ahead.len() < length {
        more(stream, ahead).await?;
    }
    let rest = ahead.split_off(length);
    Some(Bytes::from(std::mem::replace(ahead, rest)))
}

async fn more(stream: &mut TcpStream, ahead: &mut Vec<u8>) -> Option<()> {
    ahead.reserve(64 << 10);
    stream.read_buf(ahead).await.ok().filter(|read| *read > 0).map(drop)
}
