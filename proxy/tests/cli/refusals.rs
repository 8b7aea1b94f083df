//! Why `weir run` does not start, and what it says then.

use std::net::TcpListener;

use crate::harness::{Dir, err, probe, weir};

/// Arguments, expected exit code, what standard error says.
type Row<'a> = (&'a [&'a str], i32, &'a str);

#[test]
fn a_start_that_fails_says_why() {
    let dir = Dir::new();
    dir.write("good.weir", &probe("x"));
    dir.write("broken.weir", "weir 1\npolicy {{{ broken");
    dir.write(
        "two.weir",
        "weir 1\n\npolicy a {\n  default { deny 403 \"a\" }\n}\n\npolicy b {\n  default { deny 403 \"b\" }\n}\n",
    );
    let secret = "weir 1\n\nendpoint s {\n  provider openai\n  key secret(\"env:WEIR_TEST_NEVER_SET\")\n  model \"m\"\n}\n\npolicy main {\n  default { route s }\n}\n";
    dir.write("secret.weir", secret);
    dir.write("bad.toml", "threds = 1\n");
    dir.write("other.toml", "policy = \"good.weir\"\n[[listener]]\naddr = \"127.0.0.1:0\"\npolicy = \"nobody\"\n");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let in_use = format!("error: cannot listen on `{taken}`: Address already in use");
    let any = "127.0.0.1:0";
    let table: &[Row<'_>] = &[
        (&["run", "broken.weir"], 1, "broken.weir:2:"),
        (&["run", "none.weir"], 2, "cannot read `none.weir`: not found"),
        (&["run", "--conf", "none.toml"], 2, "none.toml: cannot read the configuration"),
        (&["run", "--conf", "bad.toml"], 1, "bad.toml:1:1: there is no key `threds` here: did you mean `threads`?"),
        (&["run", "--conf", "other.toml", "--admin", any], 1, "there is no policy `nobody`; the file has `main`"),
        (&["run", "two.weir", "--listen", any], 1, "name its `policy`, or call one `main`; the file has `a`, `b`"),
        (&["run", "secret.weir"], 1, "environment variable `WEIR_TEST_NEVER_SET` is not set"),
        (&["run", "good.weir", "--listen", &taken, "--admin", any], 2, &in_use),
        (&["run", "good.weir", "--listen", any, "--admin", &taken], 2, &in_use),
        (&["run", "good.weir", "--admin", "0.0.0.0:0"], 1, "`0.0.0.0:0` is not loopback"),
        (&["run", "good.weir", "--listen", "203.0.113.1:1", "--admin", any], 2, "this machine has no such address"),
        (&["run", "good.weir", "--listen", any, "--upgrade"], 2, "no running weir of this user waits at"),
        (&["run", "good.weir", "--listen", "nowhere"], 2, "invalid value 'nowhere'"),
        (&["run", "good.weir", "--threads", "0"], 2, "invalid value '0'"),
    ];
    for (args, code, said) in table {
        let output = weir(&dir, args, "");
        let text = err(&output);
        assert_eq!(output.status.code(), Some(*code), "{args:?}: {text}");
        assert!(text.contains(said), "{args:?}: {text}");
    }
}
