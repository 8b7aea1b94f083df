//! Reads HTTP/1.1 messages from a socket: the head, then the body piece by piece, never held as a whole.
//!
//! Trusts its peer as far as a measuring tool may: no limit on sizes, no trailers.

use std::io::{Error, ErrorKind, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// What of a message's head matters here.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// The status of an answer; 0 for a request.
    pub status: u16,
    pub framing: Framing,
    pub keep_alive: bool,
    /// The client waits for `100 Continue`.
    pub expects_continue: bool,
}

/// Which side of the conversation sends the message.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Request,
    Answer,
}

/// A connection and the bytes read from it but not yet consumed.
#[derive(Debug)]
pub struct Wire {
    socket: TcpStream,
    buffer: Vec<u8>,
    consumed: usize,
}

// === impl Wire ===

impl Wire {
    pub fn new(socket: TcpStream) -> Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Self { socket, buffer: Vec::with_capacity(16 * 1024), consumed: 0 })
    }

    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.socket.write_all(bytes).await
    }

    /// The next message's head.
    ///
    /// # Errors
    /// `UnexpectedEof` when the peer closed, `InvalidData` when it does not speak HTTP/1.1.
    pub async fn head(&mut self, kind: Kind) -> Result<Head> {
        loop {
            if let Some(end) = memchr::memmem::find(self.rest(), b"\r\n\r\n") {
                let head = parse(kind, self.rest())?;
                self.consumed += end + 4;
                return Ok(head);
            }
            self.fill().await?;
        }
    }

    /// Hands each piece of the body to `piece`, until its end.
    pub async fn body(&mut self, framing: Framing, mut piece: impl FnMut(&[u8])) -> Result<()> {
        match framing {
            Framing::Length(length) => self.exactly(length, &mut piece).await,
            Framing::Chunked => loop {
                let size = self.chunk_size().await?;
                self.exactly(size, &mut piece).await?;
                self.exactly(2, &mut |_: &[u8]| {}).await?;
                if size == 0 {
                    return Ok(());
                }
            },
            Framing::UntilClose => loop {
                piece(self.rest());
                self.consumed = self.buffer.len();
                match self.fill().await {
                    Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
                    other => other?,
                }
            },
        }
    }

    async fn exactly(&mut self, mut left: usize, piece: &mut impl FnMut(&[u8])) -> Result<()> {
        while left > 0 {
            if self.rest().is_empty() {
                self.fill().await?;
            }
            let rest = self.rest();
            let now = rest.get(..left).unwrap_or(rest);
            piece(now);
            let length = now.len();
            self.consumed += length;
            left -= length;
        }
        Ok(())
    }

    async fn chunk_size(&mut self) -> Result<usize> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', self.rest()) {
                let line = self.rest().get(..end).unwrap_or_default();
                let size = std::str::from_utf8(line).ok().and_then(|line| line.split([';', '\r']).next());
                let size = size.and_then(|size| usize::from_str_radix(size.trim(), 16).ok());
                self.consumed += end + 1;
                return size.ok_or_else(|| Error::new(ErrorKind::InvalidData, "chunk without a size"));
            }
            self.fill().await?;
        }
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.consumed..).unwrap_or_default()
    }

    async fn fill(&mut self) -> Result<()> {
        if self.consumed > 0 {
            self.buffer.drain(..self.consumed);
            self.consumed = 0;
        }
        match self.socket.read_buf(&mut self.buffer).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn parse(kind: Kind, bytes: &[u8]) -> Result<Head> {
    let mut space = [httparse::EMPTY_HEADER; 100];
    let invalid = |error: httparse::Error| Error::new(ErrorKind::InvalidData, error);
    let (status, headers, default) = match kind {
        Kind::Request => {
            let mut request = httparse::Request::new(&mut space);
            request.parse(bytes).map_err(invalid)?;
            (0, request.headers, Framing::Length(0))
        }
        Kind::Answer => {
            let mut answer = httparse::Response::new(&mut space);
            answer.parse(bytes).map_err(invalid)?;
            (answer.code.unwrap_or(0), answer.headers, Framing::UntilClose)
        }
    };
    let mut head = Head { status, framing: default, keep_alive: true, expects_continue: false };
    for header in headers.iter() {
        let value = std::str::from_utf8(header.value).unwrap_or_default().trim();
        if header.name.eq_ignore_ascii_case("content-length") {
            head.framing = Framing::Length(value.parse().unwrap_or(0));
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            head.framing = Framing::Chunked;
        } else if header.name.eq_ignore_ascii_case("connection") {
            head.keep_alive = !value.eq_ignore_ascii_case("close");
        } else if header.name.eq_ignore_ascii_case("expect") {
            head.expects_continue = true;
        }
    }
    Ok(head)
}
