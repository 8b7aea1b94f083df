//! Sends chat requests to a proxy on loopback and reports what they took, as one JSON line: latency, requests and
//! events per second, and the CPU time and memory that the proxy's processes spent meanwhile.
//!
//! Three ways to load: closed loop (as fast as answers come), a fixed rate (latency counts from when a request was
//! due, so a slow proxy cannot slow the clock), or an exact number of requests one after the other, for counting
//! instructions.

mod clock;
mod process;
mod report;

use clap::Parser;
use clock::Schedule;
use process::Usage;
use report::{Report, Window};
use std::io::{Error, ErrorKind, Result};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::sleep;
use weir_benches::wire::{Kind, Wire};

#[derive(Clone, Debug, Parser)]
struct Args {
    /// The proxy's port on 127.0.0.1.
    #[arg(long)]
    port: u16,
    /// File with the request's body.
    #[arg(long)]
    body: std::path::PathBuf,
    #[arg(long, default_value = "/v1/chat/completions")]
    path: String,
    /// Connections, each with one request at a time.
    #[arg(long, default_value = "64")]
    connections: usize,
    /// Seconds of load before the measurement begins.
    #[arg(long, default_value = "1")]
    warm: f64,
    /// Seconds of measurement.
    #[arg(long, default_value = "4")]
    seconds: f64,
    /// Requests per second; without it, as many as go.
    #[arg(long)]
    rate: Option<f64>,
    /// Send exactly this many requests, then stop; without a measurement window.
    #[arg(long)]
    requests: Option<u64>,
    /// The proxy's process; its descendants count too.
    #[arg(long)]
    pid: Option<u32>,
}

/// What all connections share.
struct Load {
    port: u16,
    request: Vec<u8>,
    schedule: Schedule,
    window: Window,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = LocalSet::new().block_on(&runtime, run(&args))?;
    report.print();
    // Streams that are still open end with the process.
    runtime.shutdown_background();
    Ok(())
}

async fn run(args: &Args) -> Result<Report> {
    let schedule = match (args.requests, args.rate) {
        (Some(requests), _) => Schedule::exactly(requests),
        (None, Some(rate)) => Schedule::at_rate(rate)?,
        (None, None) => Schedule::as_fast_as_possible(),
    };
    let load = Rc::new(Load { port: args.port, request: request(args)?, schedule, window: Window::default() });
    let idle = Usage::of(args.pid);
    let mut connections = JoinSet::new();
    for _ in 0..args.connections {
        connections.spawn_local(keep_asking(Rc::clone(&load)));
    }
    let started = Instant::now();
    if args.requests.is_some() {
        load.window.open();
        connections.join_all().await;
        return Ok(load.window.report(started.elapsed(), idle, Usage::of(args.pid)));
    }
    sleep(Duration::from_secs_f64(args.warm)).await;
    load.window.open();
    let (before, opened) = (Usage::of(args.pid), Instant::now());
    sleep(Duration::from_secs_f64(args.seconds)).await;
    load.window.close();
    let after = Usage::of(args.pid);
    Ok(load.window.report(opened.elapsed(), before.with_memory_of(&idle), after))
}

fn request(args: &Args) -> Result<Vec<u8>> {
    let body = std::fs::read(&args.body)?;
    let mut request = format!(
        "POST {} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-type: application/json\r\nauthorization: Bearer sk-test\r\n\
         user-agent: peer-load/1\r\naccept: */*\r\ncontent-length: {}\r\n\r\n",
        args.path,
        args.port,
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(&body);
    Ok(request)
}

/// One connection's life: whenever a request is due, sends it and reads the answer; reconnects when it must.
async fn keep_asking(load: Rc<Load>) {
    let mut kept: Option<Wire> = None;
    while let Some(due) = load.schedule.next().await {
        match ask(kept.take(), &load, due).await {
            Ok(wire) => kept = wire,
            Err(_) => {
                load.window.fail();
                // A proxy that refuses must not turn the generator into a busy loop.
                sleep(Duration::from_millis(5)).await;
            }
        }
    }
}

/// One request and its whole answer; gives the connection back where it can be used again.
async fn ask(kept: Option<Wire>, load: &Load, due: Instant) -> Result<Option<Wire>> {
    let mut wire = match kept {
        Some(wire) => wire,
        None => Wire::new(TcpStream::connect(("127.0.0.1", load.port)).await?)?,
    };
    wire.write(&load.request).await?;
    let head = wire.head(Kind::Answer).await?;
    let first = due.elapsed();
    if head.status != 200 {
        wire.body(head.framing, |_| {}).await?;
        return Err(Error::new(ErrorKind::InvalidData, "status is not 200"));
    }
    let mut previous = 0;
    wire.body(head.framing, |piece| load.window.count_events(piece, &mut previous)).await?;
    load.window.succeed(due.elapsed(), first);
    Ok(head.keep_alive.then_some(wire))
}
