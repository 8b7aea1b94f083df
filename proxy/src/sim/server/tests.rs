use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// A vendor on a free port.
async fn vendor(script: &str) -> (Arc<Vendor>, SocketAddr) {
    let vendor = Arc::new(Vendor::new(Script::parse(script).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shared = Arc::clone(&vendor);
    work::spawn(async move { accept(&shared, &listener).await });
    (vendor, address)
}

/// Sends bytes and reads until the vendor closes or, on a connection that is kept, until `until` has come.
async fn talk(stream: &mut TcpStream, send: &str, until: &str) -> Result<String, io::ErrorKind> {
    stream.write_all(send.as_bytes()).await.map_err(|error| error.kind())?;
    let mut got = Vec::new();
    loop {
        match stream.read_buf(&mut got).await {
            Ok(0) => return Ok(String::from_utf8(got).unwrap()),
            Ok(_) if !until.is_empty() && got.ends_with(until.as_bytes()) => {
                return Ok(String::from_utf8(got).unwrap());
            }
            Ok(_) => {}
            Err(error) => return Err(error.kind()),
        }
    }
}

fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: sim\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

const STREAM: &str = r#"{"model":"m","stream":true}"#;

#[tokio::test]
async fn requests_follow_each_other_on_one_connection() {
    let (vendor, address) = vendor("").await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    for body in ["", "abc"] {
        let got = talk(&mut stream, &post("/any", body), "}").await.unwrap();
        assert!(got.starts_with("HTTP/1.1 200 OK\r\n") && got.contains("x-sim-connection: 1\r\n"), "{got}");
        assert!(got.contains(&format!("\"body_bytes\":{}", body.len())), "{got}");
    }
    let chunked = "POST /any HTTP/1.1\r\ntransfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n\
                   1\r\na\r\n2;x=y\r\nbc\r\n0\r\ntrailer: t\r\n\r\n";
    let got = talk(&mut stream, chunked, "}").await.unwrap();
    assert!(got.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "{got}");
    let digest = "x-sim-body-sha256: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert!(got.contains(digest), "{got}");
    let got = talk(&mut stream, "GET /sim/stats HTTP/1.1\r\nconnection: close\r\n\r\n", "").await.unwrap();
    assert!(got.contains("\"requests\":4") && got.contains("\"connections\":1"), "{got}");
    assert_eq!(vendor.left.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_stream_comes_in_chunks_and_ends() {
    let (_, address) = vendor("").await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let got = talk(&mut stream, &post("/v1/chat/completions", STREAM), "\r\n0\r\n\r\n").await.unwrap();
    assert!(got.contains("transfer-encoding: chunked\r\n") && got.contains("data: [DONE]"), "{got}");
}

#[tokio::test]
async fn faults_break_the_bytes() {
    let fault = |fault: &str| format!("[[rule]]\nfault = {{ {fault} }}\n");
    for (script, ends) in [
        (fault("kind = \"reset\""), Err(io::ErrorKind::ConnectionReset)),
        (fault("kind = \"refuse\""), Err(io::ErrorKind::ConnectionReset)),
        (fault("kind = \"close\""), Ok("")),
        (fault("kind = \"close\", after_events = 1"), Ok("\n\n\r\n")),
        (fault("kind = \"close\", after_bytes = 5"), Ok("\r\n5\r\ndata:\r\n")),
        (fault("kind = \"malformed_chunk\", after_bytes = 5"), Ok("data:\r\nnot-a-size\r\n")),
        (fault("kind = \"invalid_json\", after_events = 0"), Ok("data: {not json\n\n\r\n0\r\n\r\n")),
        (fault("kind = \"eof\", after_bytes = 5"), Ok("data:\r\n0\r\n\r\n")),
    ] {
        let (_, address) = vendor(&script).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let until = if script.contains("eof") || script.contains("invalid") { "0\r\n\r\n" } else { "" };
        match (talk(&mut stream, &post("/v1/chat/completions", STREAM), until).await, ends) {
            (Ok(got), Ok(ends)) => assert!(got.ends_with(ends), "{script}: {got}"),
            (got, ends) => assert_eq!(got.err(), ends.err(), "{script}"),
        }
    }
}

#[tokio::test]
async fn a_dead_connection_looks_alive_until_it_is_used() {
    let (_, address) = vendor("[[rule]]\nconnection = { after = \"dead\" }\n").await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let got = talk(&mut stream, &post("/any", ""), "}").await.unwrap();
    assert!(!got.contains("connection: close"), "{got}");
    assert_eq!(talk(&mut stream, &post("/any", ""), "}").await, Err(io::ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn an_early_answer_does_not_wait_for_the_body() {
    let script = "[[rule]]\nanswer = { status = 503, retry_after = \"1\" }\nconnection = { early = true }\n";
    let (_, address) = vendor(script).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 1000000\r\n\r\n{";
    let got = talk(&mut stream, head, "").await.unwrap();
    assert!(got.starts_with("HTTP/1.1 503 ") && got.contains("connection: close\r\n"), "{got}");
    assert!(got.contains("retry-after: 1\r\n"), "{got}");
}

#[tokio::test]
async fn a_client_that_leaves_is_counted() {
    let (vendor, address) = vendor("[[rule]]\nfault = { kind = \"stall\", after_events = 1 }\n").await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    talk(&mut stream, &post("/v1/chat/completions", STREAM), "\n\n\r\n").await.unwrap();
    drop(stream);
    let left = async {
        while vendor.left.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), left).await.unwrap();
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let (_, address) = vendor("").await;
    for (send, status) in [
        ("nonsense\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", "400"),
        ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "400"),
        ("POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n", "413"),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let got = talk(&mut stream, send, "").await.unwrap();
        assert!(got.starts_with(&format!("HTTP/1.1 {status} ")), "{send}: {got}");
    }
}
