//! A model API that costs as little as it can: answers every request with a chat completion, as JSON or, where the
//! body says `"stream":true`, as server-sent events.
//!
//! The body's `user` member steers a stream: `"user":"events=100 gap=10"` asks for 100 events, 10 ms apart.

use clap::Parser;
use memchr::memmem;
use std::io::Result;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{MissedTickBehavior, interval};
use weir_benches::wire::{Kind, Wire};

/// How much of a body's beginning is searched for what steers the answer.
const STEERING_BYTES: usize = 2048;

#[derive(Debug, Parser)]
struct Args {
    /// Where to listen on 127.0.0.1; 0 picks a free port, which is printed.
    #[arg(long, default_value = "0")]
    port: u16,
    /// Size of the JSON answer.
    #[arg(long, default_value = "1024")]
    answer_bytes: usize,
}

/// The answers, rendered once.
#[derive(Debug)]
struct Answers {
    plain: Vec<u8>,
    stream_head: Vec<u8>,
    event: Vec<u8>,
    last: Vec<u8>,
}

/// What a request asks for.
#[derive(Debug, Eq, PartialEq)]
enum Wanted {
    Plain,
    Stream { events: u64, gap: Duration },
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(&args))
}

#[expect(clippy::print_stdout, reason = "the caller reads the port that was picked")]
async fn serve(args: &Args) -> Result<()> {
    let listener = listen(args.port)?;
    println!("{}", listener.local_addr()?.port());
    let answers: &'static Answers = Box::leak(Box::new(Answers::render(args.answer_bytes)));
    loop {
        let (socket, _) = listener.accept().await?;
        // A connection's end, by whatever error, is the client's business.
        tokio::spawn(async move { drop(converse(socket, answers).await) });
    }
}

fn listen(port: u16) -> Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], port).into())?;
    socket.listen(8192)
}

async fn converse(socket: TcpStream, answers: &Answers) -> Result<()> {
    let mut wire = Wire::new(socket)?;
    let mut beginning = Vec::with_capacity(STEERING_BYTES);
    loop {
        let head = wire.head(Kind::Request).await?;
        if head.expects_continue {
            wire.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        beginning.clear();
        let keep = |piece: &[u8]| {
            let room = STEERING_BYTES - beginning.len();
            beginning.extend_from_slice(piece.get(..room).unwrap_or(piece));
        };
        wire.body(head.framing, keep).await?;
        match Wanted::read(&beginning) {
            Wanted::Plain => wire.write(&answers.plain).await?,
            Wanted::Stream { events, gap } => stream(&mut wire, answers, events, gap).await?,
        }
    }
}

async fn stream(wire: &mut Wire, answers: &Answers, events: u64, gap: Duration) -> Result<()> {
    wire.write(&answers.stream_head).await?;
    let mut clock = (!gap.is_zero()).then(|| interval(gap));
    if let Some(clock) = &mut clock {
        clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    }
    for _ in 0..events {
        if let Some(clock) = &mut clock {
            clock.tick().await;
        }
        wire.write(&answers.event).await?;
    }
    wire.write(&answers.last).await
}

// === impl Answers ===

impl Answers {
    fn render(answer_bytes: usize) -> Self {
        let before = r#"{"id":"chatcmpl-0001","object":"chat.completion","created":1700000000,"model":"upstream-model","choices":[{"index":0,"message":{"role":"assistant","content":""#;
        let after =
            r#""},"finish_reason":"stop"}],"usage":{"prompt_tokens":42,"completion_tokens":128,"total_tokens":170}}"#;
        let filler = answer_bytes.saturating_sub(before.len() + after.len());
        let words: String = "lorem ipsum dolor sit amet ".chars().cycle().take(filler).collect();
        let body = format!("{before}{words}{after}");
        let plain = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_0001\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let stream_head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\nx-request-id: req_0001\r\ntransfer-encoding: chunked\r\n\r\n";
        let event = |delta: &str, finish: &str| {
            format!(
                "data: {{\"id\":\"chatcmpl-0001\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"upstream-model\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
            )
        };
        let last = format!("{}data: [DONE]\n\n", event("{}", "\"stop\""));
        Self {
            plain: plain.into_bytes(),
            stream_head: stream_head.as_bytes().to_vec(),
            event: chunk(&event(r#"{"content":" token"}"#, "null")),
            last: [chunk(&last), b"0\r\n\r\n".to_vec()].concat(),
        }
    }
}

fn chunk(payload: &str) -> Vec<u8> {
    format!("{:x}\r\n{payload}\r\n", payload.len()).into_bytes()
}

// === impl Wanted ===

impl Wanted {
    fn read(body: &[u8]) -> Self {
        if memmem::find(body, b"\"stream\":true").is_none() {
            return Self::Plain;
        }
        let number = |name: &str| {
            let at = memmem::find(body, name.as_bytes())?;
            let digits = body.get(at + name.len()..)?.iter().take_while(|byte| byte.is_ascii_digit());
            std::str::from_utf8(&digits.copied().collect::<Vec<u8>>()).ok()?.parse::<u64>().ok()
        };
        Self::Stream {
            events: number("events=").unwrap_or(100),
            gap: Duration::from_millis(number("gap=").unwrap_or(0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_steers_the_answer() {
        assert_eq!(Wanted::read(br#"{"model":"m"}"#), Wanted::Plain);
        let steered = Wanted::read(br#"{"stream":true,"user":"events=7 gap=10"}"#);
        assert_eq!(steered, Wanted::Stream { events: 7, gap: Duration::from_millis(10) });
    }

    #[test]
    fn the_answer_has_the_size_that_was_asked_for() {
        let plain = String::from_utf8(Answers::render(1024).plain).unwrap();
        assert_eq!(plain.split_once("\r\n\r\n").map(|(_, body)| body.len()), Some(1024));
    }
}
