//! Reading HTTP/1.1 requests from a socket, whole and with limits.
//!
//! Answers are written byte by byte elsewhere: a server that must misbehave cannot leave its framing to a library.

use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest head of a request.
pub(super) const HEAD_BYTES_MAX: usize = 256 << 10;
/// Most header fields of a request.
const FIELDS_MAX: usize = 256;
/// Longest body of a request.
pub(super) const BODY_BYTES_MAX: usize = 64 << 20;
/// Longest line that holds a chunk's size, or trailer.
const CHUNK_LINE_BYTES_MAX: usize = 4 << 10;
/// Longest silence on a connection.
const SILENCE_MAX: Duration = Duration::from_secs(600);
/// Longest time in which a body is read that nobody wants any more.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// Bytes asked from the socket at once.
const READ_BYTES: usize = 64 << 10;

/// Why there is no request.
#[derive(Debug)]
pub(super) enum NoRequest {
    /// The client is gone, between requests or inside of one.
    Gone,
    /// The client said something else than HTTP, or more than the limits allow: answer with this status and close.
    Refused(u16),
}

/// The head of a request.
#[derive(Debug)]
pub(super) struct RequestHead {
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) length: BodyLength,
    pub(super) keep_alive: bool,
    pub(super) expects_continue: bool,
}

/// How the body is framed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum BodyLength {
    /// So many bytes.
    Known(usize),
    /// In chunks.
    Chunked,
}

/// A connection and what was read from it ahead.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) stream: TcpStream,
    buffer: BytesMut,
}

// === impl NoRequest ===

impl From<io::Error> for NoRequest {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

// === impl Wire ===

impl Wire {
    /// A fresh connection.
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: BytesMut::with_capacity(READ_BYTES) }
    }

    /// Waits for the first byte of a request.
    pub(super) async fn first_byte(&mut self) -> Result<(), NoRequest> {
        if self.buffer.is_empty() { self.more().await } else { Ok(()) }
    }

    /// Reads the head of the next request.
    pub(super) async fn head(&mut self) -> Result<RequestHead, NoRequest> {
        loop {
            if let Some((head, length)) = parse(&self.buffer)? {
                self.buffer.advance(length);
                return Ok(head);
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                return Err(NoRequest::Refused(431));
            }
            self.more().await?;
        }
    }

    /// Reads the body of the request whose head was read.
    pub(super) async fn body(&mut self, head: &RequestHead) -> Result<Bytes, NoRequest> {
        if head.expects_continue && head.length != BodyLength::Known(0) {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        match head.length {
            BodyLength::Known(length) => {
                self.fill(length).await?;
                Ok(self.buffer.split_to(length).freeze())
            }
            BodyLength::Chunked => self.chunks().await,
        }
    }

    /// Resolves when the client is gone.
    pub(super) async fn gone(&mut self) {
        while self.more().await.is_ok() {
            // What comes now is the next request, pipelined. It is kept, up to a limit.
            if self.buffer.len() > BODY_BYTES_MAX {
                return;
            }
        }
    }

    /// Throws away what still comes until the client is gone, for a while.
    pub(super) async fn drain(&mut self) {
        let gone = async {
            while self.more().await.is_ok() {
                self.buffer.clear();
            }
        };
        // Whoever still sends after that has no interest in the answer.
        drop(timeout(DRAIN_MAX, gone).await);
    }

    async fn chunks(&mut self) -> Result<Bytes, NoRequest> {
        let mut body = BytesMut::new();
        loop {
            let line = self.line().await?;
            let size = line.split(|byte| *byte == b';').next().and_then(chunk_size).ok_or(NoRequest::Refused(400))?;
            if size == 0 {
                while !self.line().await?.is_empty() {}
                return Ok(body.freeze());
            }
            if body.len().saturating_add(size) > BODY_BYTES_MAX {
                return Err(NoRequest::Refused(413));
            }
            self.fill(size).await?;
            body.extend_from_slice(&self.buffer.split_to(size));
            if !self.line().await?.is_empty() {
                return Err(NoRequest::Refused(400));
            }
        }
    }

    /// A line without its end.
    async fn line(&mut self) -> Result<Bytes, NoRequest> {
        let mut from = 0;
        loop {
            let end = self.buffer.iter().skip(from).position(|byte| *byte == b'\n').map(|at| at + from);
            if let Some(end) = end {
                let mut line = self.buffer.split_to(end).freeze();
                self.buffer.advance(1);
                if line.last() == Some(&b'\r') {
                    line.truncate(line.len() - 1);
                }
                return Ok(line);
            }
            from = self.buffer.len();
            if from > CHUNK_LINE_BYTES_MAX {
                return Err(NoRequest::Refused(400));
            }
            self.more().await?;
        }
    }

    async fn fill(&mut self, length: usize) -> Result<(), NoRequest> {
        self.buffer.reserve(length.saturating_sub(self.buffer.len()));
        while self.buffer.len() < length {
            self.more().await?;
        }
        Ok(())
    }

    /// Reads what there is. Cancel-safe.
    async fn more(&mut self) -> Result<(), NoRequest> {
        if self.buffer.capacity() - self.buffer.len() < READ_BYTES / 4 {
            self.buffer.reserve(READ_BYTES);
        }
        match timeout(SILENCE_MAX, self.stream.read_buf(&mut self.buffer)).await {
            Ok(Ok(1..)) => Ok(()),
            Ok(Ok(0) | Err(_)) | Err(_) => Err(NoRequest::Gone),
        }
    }
}

/// A chunk's size: hexadecimal digits and nothing else.
fn chunk_size(text: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(text).ok()?.trim_end();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits { usize::from_str_radix(text, 16).ok() } else { None }
}

/// The head at the start of `bytes` and its length, once it is complete.
fn parse(bytes: &[u8]) -> Result<Option<(RequestHead, usize)>, NoRequest> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut request = httparse::Request::new(&mut fields);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(NoRequest::Refused(431)),
        Err(_) => return Err(NoRequest::Refused(400)),
    };
    let method = request.method.and_then(|name| Method::from_bytes(name.as_bytes()).ok());
    let mut headers = HeaderMap::with_capacity(request.headers.len());
    for field in request.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| NoRequest::Refused(400))?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| NoRequest::Refused(400))?;
        headers.append(name, value);
    }
    let (Some(method), Some(target)) = (method, request.path) else { return Err(NoRequest::Refused(400)) };
    let head = RequestHead {
        method,
        target: target.to_owned(),
        length: body_length(&headers)?,
        keep_alive: request.version == Some(1) && !has(&headers, &header::CONNECTION, "close"),
        expects_continue: has(&headers, &header::EXPECT, "100-continue"),
        headers,
    };
    Ok(Some((head, length)))
}

fn body_length(headers: &HeaderMap) -> Result<BodyLength, NoRequest> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    match (headers.get(header::TRANSFER_ENCODING), lengths.next(), lengths.next()) {
        (None, None, _) => Ok(BodyLength::Known(0)),
        (Some(coding), None, _) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(BodyLength::Chunked),
        (None, Some(length), None) => {
            let digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
            let length = length.to_str().ok().filter(digits).and_then(|text| text.parse().ok());
            let length = length.ok_or(NoRequest::Refused(400))?;
            if length > BODY_BYTES_MAX { Err(NoRequest::Refused(413)) } else { Ok(BodyLength::Known(length)) }
        }
        (_, _, _) => Err(NoRequest::Refused(400)),
    }
}

fn has(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<Option<(RequestHead, usize)>, u16> {
        parse(text.as_bytes()).map_err(|refused| match refused {
            NoRequest::Gone => 0,
            NoRequest::Refused(status) => status,
        })
    }

    #[test]
    fn a_head_is_read_once_it_is_complete() {
        let text = "POST /v1/x?y HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello";
        for cut in 0..text.len() - 5 {
            assert!(parse(&text.as_bytes()[..cut]).is_ok_and(|head| head.is_none()), "{cut}");
        }
        let (head, length) = head(text).unwrap().unwrap();
        assert_eq!((head.method.as_str(), head.target.as_str(), length), ("POST", "/v1/x?y", text.len() - 5));
        assert_eq!(head.length, BodyLength::Known(5));
        assert!(head.keep_alive && head.expects_continue);
    }

    #[test]
    fn ambiguous_framing_is_refused() {
        for fields in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "Content-Length: +5\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Content-Length : 5\r\n",
        ] {
            assert!(matches!(head(&format!("POST / HTTP/1.1\r\n{fields}\r\n")), Err(400)), "{fields}");
        }
        assert!(matches!(head("POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"), Err(413)));
    }

    #[test]
    fn chunk_sizes_are_hexadecimal_digits() {
        assert_eq!(chunk_size(b"1f"), Some(31));
        for wrong in [&b""[..], b"+1", b"-1", b"0x1", b"zz", b"fffffffffffffffffff"] {
            assert_eq!(chunk_size(wrong), None, "{wrong:?}");
        }
    }
}
