//! Serving, draining, ending, being replaced.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use crate::harness::{Dir, Weir, exists, get, probe, request, until};

/// An upstream that answers each request when it is told to.
struct Upstream {
    addr: SocketAddr,
    arrived: mpsc::Receiver<()>,
    answer: mpsc::Sender<()>,
}

const ANSWER: &str = "{\"id\":\"1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\
\"message\":{\"role\":\"assistant\",\"content\":\"late\"},\"finish_reason\":\"stop\"}]}";
const ASK: &str = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";

impl Upstream {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let (arrived_tx, arrived) = mpsc::channel();
        let (answer, told) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                read_request(&mut stream);
                arrived_tx.send(()).unwrap();
                if told.recv().is_err() {
                    return;
                }
                let length = ANSWER.len();
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
                stream.write_all(format!("{head}{ANSWER}").as_bytes()).unwrap();
            }
        });
        Self { addr, arrived, answer }
    }

    fn policy(&self) -> String {
        format!(
            "weir 1\n\nendpoint s {{\n  provider compatible\n  url \"http://{}/v1\"\n  model \"m\"\n}}\n\npolicy main \
             {{\n  default {{ route s }}\n}}\n",
            self.addr
        )
    }
}

fn read_request(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    let mut piece = [0; 4096];
    while !seen.ends_with(ASK.as_bytes()) {
        let n = stream.read(&mut piece).unwrap();
        assert!(n > 0, "weir closed early");
        seen.extend_from_slice(&piece[..n]);
    }
}

fn ask(addr: SocketAddr) -> thread::JoinHandle<std::io::Result<(u16, String)>> {
    thread::spawn(move || {
        request(addr, "POST", "/v1/chat/completions", ASK).map(|answer| (answer.status, answer.body))
    })
}

#[test]
fn the_quickstart_says_what_a_newcomer_needs() {
    let dir = Dir::new();
    let mut weir = Weir::run(&dir, &[]);
    let log = weir.log();
    assert!(log.contains(&format!("http://{}/v1", weir.proxy)), "{log}");
    assert!(log.contains("curl http://") && log.contains(&format!("http://{}/", weir.admin)), "{log}");
    let models = weir.get("/v1/models");
    assert!(models.body.contains("\"weir-demo\""), "{}", models.body);
    for page in ["/policy", "/metrics", "/readyz"] {
        assert_eq!(get(weir.admin, page).unwrap().status, 200, "{page}");
    }
    weir.signal("TERM");
    assert_eq!(weir.wait().code(), Some(0));
}

#[test]
fn one_thread_and_json_logs_work_too() {
    let dir = Dir::new();
    dir.write("p.weir", &probe("x"));
    let mut weir = Weir::run(&dir, &["p.weir", "--threads", "1", "--log", "json", "--log-level", "debug"]);
    assert_eq!(weir.get("/v1/probe").body, "x");
    weir.signal("INT");
    assert_eq!(weir.wait().code(), Some(0));
    for line in weir.log().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(line["time"].is_string() && line["level"].is_string() && line["message"].is_string(), "{line}");
    }
}

#[test]
fn a_drain_waits_for_the_last_answer_and_no_longer() {
    let dir = Dir::new();
    let upstream = Upstream::start();
    dir.write("p.weir", &upstream.policy());
    let mut weir = Weir::run(&dir, &["p.weir"]);
    let client = ask(weir.proxy);
    upstream.arrived.recv().unwrap();
    weir.signal("TERM");
    until("new connections are refused", || TcpStream::connect(weir.proxy).is_err());
    let ready = get(weir.admin, "/readyz").unwrap_or_else(|e| panic!("{e}: {}", weir.log()));
    assert_eq!(ready.status, 503, "{}", ready.body);
    assert!(weir.is_running());
    upstream.answer.send(()).unwrap();
    let (status, body) = client.join().unwrap().unwrap();
    assert_eq!((status, body.contains("late")), (200, true), "{body}");
    assert_eq!(weir.wait().code(), Some(0));
}

#[test]
fn notice_is_given_while_new_requests_are_still_served() {
    let dir = Dir::new();
    dir.write("p.weir", &probe("x"));
    dir.write("gateway.toml", "policy = \"p.weir\"\n[drain]\nnotice_ms = 60000\n");
    let mut weir = Weir::run(&dir, &["--conf", "gateway.toml"]);
    weir.signal("TERM");
    until("readiness says no", || get(weir.admin, "/readyz").unwrap().status == 503);
    assert_eq!(weir.get("/v1/probe").status, 200);
    // Told once more, it does not wait for the notice to pass.
    weir.signal("TERM");
    assert_eq!(weir.wait().code(), Some(1));
}

#[test]
fn what_takes_too_long_is_cut_off_and_said() {
    let dir = Dir::new();
    let upstream = Upstream::start();
    dir.write("p.weir", &upstream.policy());
    dir.write("gateway.toml", "policy = \"p.weir\"\n[drain]\nmax_ms = 100\n");
    let mut weir = Weir::run(&dir, &["--conf", "gateway.toml"]);
    let client = ask(weir.proxy);
    upstream.arrived.recv().unwrap();
    weir.signal("TERM");
    assert_eq!(weir.wait().code(), Some(1));
    assert!(weir.log().contains("1 requests did not finish in time"), "{}", weir.log());
    assert!(client.join().unwrap().is_err(), "a cut answer must not look like a whole one");
}

#[test]
fn a_successor_takes_over_without_a_refused_connection() {
    let dir = Dir::new();
    let upstream = Upstream::start();
    dir.write(
        "p.weir",
        &upstream
            .policy()
            .replace("default", "rule probe when path == \"/v1/probe\" { respond 200 text \"old\" }\n  default"),
    );
    let conf = "policy = \"p.weir\"\nupgrade_socket = \"meet\"\n";
    dir.write("gateway.toml", conf);
    let args = ["--conf", "gateway.toml", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let mut old = Weir::run_as_told(&dir, &args);
    until("the old one waits for a successor", || exists(&dir, "meet"));
    let client = ask(old.proxy);
    upstream.arrived.recv().unwrap();
    let addr = old.proxy;
    let (stop, stopped) = mpsc::channel::<()>();
    let load = thread::spawn(move || {
        let mut seen = Vec::new();
        while matches!(stopped.try_recv(), Err(mpsc::TryRecvError::Empty)) {
            seen.push(get(addr, "/v1/probe").expect("no connection is refused or cut").body);
        }
        seen
    });
    dir.replace("p.weir", &probe("new"));
    until("the old one has the new policy too", || old.get("/v1/probe").body == "new");
    let mut new = Weir::run_as_told(&dir, &[&args[..], &["--upgrade"]].concat());
    assert_eq!((new.proxy, new.admin), (old.proxy, old.admin));
    upstream.answer.send(()).unwrap();
    assert_eq!(client.join().unwrap().unwrap().0, 200);
    assert_eq!(old.wait().code(), Some(0), "{}", old.log());
    assert_eq!(new.get("/v1/probe").body, "new");
    stop.send(()).unwrap();
    assert!(load.join().unwrap().len() > 1);
    assert!(new.is_running());
    // And the successor can be succeeded.
    until("the new one waits for a successor", || exists(&dir, "meet"));
}
