//! The end: what runs finishes, nothing new begins, the process leaves at once.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use weir_tests::client::{self, Client};
use weir_tests::weir::{Sim, Start, Weir};

use crate::policies::{CHAT, CHAT_PATH, CHAT_STREAM, to};

const SLOW: &str = "[[rule]]\nanswer = { text = \"one two three four five six seven eight nine ten\" }\n\
                    pace = { event_ms = 100 }\n";

#[tokio::test]
async fn a_running_stream_finishes() {
    let sim = Sim::run(SLOW).await;
    let mut weir = Weir::run(to(&sim.url())).await;
    let mut stream = client::stream(Client::h1(weir.address).await, CHAT_PATH, CHAT_STREAM).await;
    let mut got = stream.until("one").await;
    weir.signal("TERM");
    let address = weir.address;
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(weir_tests::PATIENCE, refused).await.expect("nothing new is accepted");
    got.push_str(&stream.until("[DONE]").await);
    assert!(got.contains("ten"), "{got}");
    drop(stream);
    let done = Instant::now();
    assert_eq!(weir.ended().await.code(), Some(0), "{}", weir.log());
    assert!(done.elapsed() < Duration::from_secs(3), "it stayed for {:?}", done.elapsed());
}

/// An idle keep-alive connection does not hold the process.
#[tokio::test]
async fn an_idle_connection_does_not_delay_the_end() {
    let sim = Sim::run("").await;
    let mut weir = Weir::run(to(&sim.url())).await;
    let mut client = Client::h1(weir.address).await;
    assert_eq!(client.post(CHAT_PATH, CHAT).await.status, 200);
    let mut h2 = Client::h2c(weir.address).await;
    assert_eq!(h2.post(CHAT_PATH, CHAT).await.status, 200);
    let asked = Instant::now();
    weir.signal("TERM");
    assert_eq!(weir.ended().await.code(), Some(0), "{}", weir.log());
    assert!(asked.elapsed() < Duration::from_secs(5), "it stayed for {:?}", asked.elapsed());
}

/// What does not end in time is cut.
#[tokio::test]
async fn the_drain_has_an_end() {
    let sim = Sim::run("[[rule]]\nfault = { kind = \"stall\", after_tokens = 1 }\n").await;
    let mut weir = Start::new(to(&sim.url())).conf("[drain]\nmax_ms = 500\n").start().await;
    let mut stream = client::stream(Client::h1(weir.address).await, CHAT_PATH, CHAT_STREAM).await;
    stream.until("Hello").await;
    let asked = Instant::now();
    weir.signal("TERM");
    weir.ended().await;
    assert!(asked.elapsed() >= Duration::from_millis(400), "{:?}", asked.elapsed());
    assert!(asked.elapsed() < Duration::from_secs(5), "it stayed for {:?}", asked.elapsed());
}

/// With a notice, readiness says no while listeners still accept.
#[tokio::test]
async fn readiness_goes_first() {
    let sim = Sim::run("").await;
    let mut weir = Start::new(to(&sim.url())).conf("[drain]\nnotice_ms = 1500\n").start().await;
    assert_eq!(client::get(weir.admin, "/readyz").await.status, 200);
    assert_eq!(client::get(weir.admin, "/livez").await.status, 200);
    weir.signal("TERM");
    let admin = weir.admin;
    let began = Instant::now();
    loop {
        if client::get(admin, "/readyz").await.status == 503 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(1), "still ready");
    }
    assert_eq!(client::post(weir.address, CHAT_PATH, CHAT).await.status, 200);
    assert_eq!(weir.ended().await.code(), Some(0), "{}", weir.log());
}

#[tokio::test]
async fn a_policy_that_does_not_check_does_not_run() {
    let folder = std::env::temp_dir().join(format!("weir-test-broken-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let policy = folder.join("p.weir");
    std::fs::write(&policy, "weir 1\npolicy main { default { route nowhere } }\n").expect("a file");
    let weir = weir_tests::weir::command();
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(&weir).args(arguments).arg(&policy).output().expect("weir starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = run(&["run", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("E0201") && said.contains("nowhere"), "{said}");
    drop(std::fs::remove_dir_all(folder));
}
