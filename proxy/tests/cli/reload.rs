//! Replacing the policy of a running process: the last good set stays, the last state of the files wins.

use std::os::unix::fs::symlink;

use crate::harness::{Dir, Weir, get, probe, request, until};

const BROKEN: &str = "weir 1\npolicy {{{ broken";

fn serves(weir: &Weir, text: &str) -> bool {
    weir.get("/v1/probe").body == text
}

#[test]
fn a_broken_file_keeps_the_last_good_set_and_says_so() {
    let dir = Dir::new();
    dir.write("p.weir", &probe("one"));
    let weir = Weir::run(&dir, &["p.weir"]);
    assert!(serves(&weir, "one"));
    dir.replace("p.weir", BROKEN);
    until("the log tells of the failed reload", || weir.log().contains("the reload failed"));
    let log = weir.log();
    assert!(log.contains("p.weir:2:"), "{log}");
    assert!(serves(&weir, "one"));
    let report: serde_json::Value = serde_json::from_str(&get(weir.admin, "/policy").unwrap().body).unwrap();
    assert!(report["last_error"].as_str().unwrap().contains("p.weir:2:"), "{report}");
    let metrics = get(weir.admin, "/metrics").unwrap().body;
    assert!(metrics.contains("weir_policy_reloads_total{result=\"failed\"} 1"), "{metrics}");
    dir.replace("p.weir", &probe("two"));
    until("the repaired policy is in force", || serves(&weir, "two"));
    assert!(get(weir.admin, "/policy").unwrap().body.contains("\"sets\""));
}

#[test]
fn a_changed_import_and_a_swapped_link_are_noticed() {
    let dir = Dir::new();
    // As Kubernetes mounts a ConfigMap: files link into `..data`, which links to the newest version.
    let version = |name: &str, text: &str| dir.write(&format!("{name}/p.weir"), &probe(text));
    version("..one", "one");
    version("..two", "two");
    symlink("..one", dir.path("..data")).unwrap();
    symlink("..data/p.weir", dir.path("p.weir")).unwrap();
    let weir = Weir::run(&dir, &["p.weir"]);
    assert!(serves(&weir, "one"));
    symlink("..two", dir.path("..data_tmp")).unwrap();
    std::fs::rename(dir.path("..data_tmp"), dir.path("..data")).unwrap();
    until("the swapped link is followed", || serves(&weir, "two"));
}

#[test]
fn many_hangups_and_broken_states_end_with_the_last_state() {
    let dir = Dir::new();
    dir.write("p.weir", &probe("start"));
    let mut weir = Weir::run(&dir, &["p.weir"]);
    for i in 0..100 {
        dir.replace("p.weir", &if i % 2 == 0 { BROKEN.to_owned() } else { probe(&format!("g{i}")) });
        weir.signal("HUP");
    }
    until("the last state is in force", || serves(&weir, "g99"));
    assert!(weir.is_running());
}

#[test]
fn operators_reload_and_roll_back() {
    let dir = Dir::new();
    dir.write("p.weir", &probe("one"));
    let weir = Weir::run(&dir, &["p.weir"]);
    let post = |path: &str| request(weir.admin, "POST", path, "").unwrap();
    let nothing_before = post("/policy/rollback");
    assert!(nothing_before.body.contains("no earlier set"), "{}", nothing_before.body);
    dir.replace("p.weir", &probe("two"));
    assert_eq!(post("/policy/reload").status, 200);
    assert!(serves(&weir, "two"));
    assert_eq!(post("/policy/rollback").status, 200);
    assert!(serves(&weir, "one"));
    dir.replace("p.weir", BROKEN);
    let refused = post("/policy/reload");
    assert!(refused.status >= 400 && refused.body.contains("p.weir:2:"), "{} {}", refused.status, refused.body);
    assert!(serves(&weir, "one"));
}

#[test]
fn settings_are_reloaded_with_the_policy() {
    let dir = Dir::new();
    dir.write("p.weir", &probe("x"));
    dir.write("gateway.toml", "policy = \"p.weir\"\n[limits]\nbody_bytes_max = 1000\n");
    let weir = Weir::run(&dir, &["--conf", "gateway.toml"]);
    let ask = |weir: &Weir| {
        let body =
            format!("{{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":\"{}\"}}]}}", "x".repeat(2000));
        request(weir.proxy, "POST", "/v1/chat/completions", &body).unwrap().status
    };
    assert_eq!(ask(&weir), 413);
    dir.replace("gateway.toml", "policy = \"p.weir\"\nthreads = 7\n[limits]\nbody_bytes_max = 10000\n");
    until("the new limit is in force", || ask(&weir) == 200);
    assert!(weir.log().contains("a change of `threads` takes effect at the next start"), "{}", weir.log());
}
