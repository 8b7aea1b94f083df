//! Every key is shown with its default, and every mistake gets its place and its reason.

use std::path::Path;

use toml::de::DeTable;

use super::build::build;
use super::*;
use crate::testing::TempDir;

/// A certificate of nobody, valid for a hundred years, its key, and a key that is not its own.
const CERT: &str = include_str!("testdata/server.pem");
const KEY: &str = include_str!("testdata/server.key");
const OTHER_KEY: &str = include_str!("testdata/other.key");
const ANNOTATED: &str = include_str!("../../../conf/gateway.toml");

fn errors(text: &str) -> String {
    ConfErrors(build("gateway.toml", text, Path::new("/nowhere"), &Overrides::default()).1).to_string()
}

fn good(text: &str, overrides: &Overrides) -> Settings {
    let (settings, problems) = build("gateway.toml", text, Path::new("/nowhere"), overrides);
    assert!(problems.is_empty(), "{}", ConfErrors(problems));
    settings
}

#[test]
fn mistakes_name_their_place_their_key_and_what_was_expected() {
    let table: &[(&str, &str)] = &[
        ("polcy = \"x\"", "gateway.toml:1:1: there is no key `polcy` here: did you mean `policy`?"),
        ("[drain]\nmax = 3", "gateway.toml:2:1: `drain`: there is no key `max` here: did you mean `max_ms`?"),
        ("[limit]\n", "gateway.toml:1:2: there is no key `limit` here: did you mean `limits`?"),
        (
            "[drain]\nqqqqqqqq = 3",
            "gateway.toml:2:1: `drain`: there is no key `qqqqqqqq` here: the keys are notice_ms, max_ms",
        ),
        (
            "[limits]\nbody_bytes_max = \"32M\"",
            "gateway.toml:2:18: `limits.body_bytes_max`: expected a whole number from 1 to 1099511627776, got the text `32M`",
        ),
        ("threads = 0", "gateway.toml:1:11: `threads`: expected a whole number from 1 to 1024, got `0`"),
        ("threads = -1", "gateway.toml:1:11: `threads`: expected a whole number from 1 to 1024, got `-1`"),
        ("threads = 1.5", "gateway.toml:1:11: `threads`: expected a whole number from 1 to 1024, got `1.5`"),
        ("limits = 3", "gateway.toml:1:10: `limits`: expected a table, got `3`"),
        ("policy = \"\"", "gateway.toml:1:10: `policy`: expected the path of a file, got an empty text"),
        ("policy = []", "gateway.toml:1:10: `policy`: expected the path of a file, got a list"),
        (
            "[log]\naccess = \"yes\"",
            "gateway.toml:2:10: `log.access`: expected `true` or `false`, got the text `yes`",
        ),
        ("[log]\nformat = \"xml\"", "gateway.toml:2:10: `log.format`: expected one of `text`, `json`, got `xml`"),
        (
            "[listener]\naddr = \"127.0.0.1:1\"",
            "gateway.toml:1:1: `listener`: expected tables written as `[[…]]`, got a table",
        ),
        (
            "[[listener]]\nh2c = true",
            "gateway.toml:1:1: `listener.addr`: missing: expected an address with its port, such as `127.0.0.1:8080`",
        ),
        (
            "[[listener]]\naddr = \"localhost\"",
            "gateway.toml:2:8: `listener.addr`: expected an address with its port, such as `127.0.0.1:8080` or `[::]:8080`, got `localhost`",
        ),
        (
            "[[listener]]\naddr = \"127.0.0.1:80\"\n[[listener]]\naddr = \"127.0.0.1:80\"",
            "gateway.toml:4:8: `listener.addr`: `127.0.0.1:80` is used twice: each listener needs an address of its own",
        ),
        (
            "[[listener]]\naddr = \"127.0.0.1:80\"\n[listener.tls]\ncert = \"a.pem\"",
            "gateway.toml:3:1: `listener.tls.key`: missing: expected the path of a PEM file",
        ),
        (
            "[[listener]]\naddr = \"127.0.0.1:80\"\n[listener.tls]\ncert = \"a.pem\"\nkey = \"b.pem\"",
            "gateway.toml:4:8: `listener.tls.cert`: `/nowhere/a.pem`: cannot be read: No such file or directory (os error 2)",
        ),
        (
            "[admin]\naddr = \"0.0.0.0:9090\"",
            "gateway.toml:2:8: `admin.addr`: `0.0.0.0:9090` is not loopback: set `admin.token = \"env:NAME\"` or bind the admin listener to `127.0.0.1`",
        ),
        (
            "[admin]\ntoken = \"canary-secret\"",
            "gateway.toml:2:9: `admin.token`: not a secret reference: write `env:NAME` or `file:PATH`, never the secret itself",
        ),
        (
            "[admin]\ntoken = \"env:WEIR_TEST_NEVER_SET\"",
            "gateway.toml:2:9: `admin.token`: environment variable `WEIR_TEST_NEVER_SET` is not set: set it, or name another one in `secret(\"env:…\")`",
        ),
        (
            "[limits]\nbody_bytes_inflight_max = 1000",
            "gateway.toml:2:27: `limits.body_bytes_inflight_max`: expected at least `limits.body_bytes_max` (33554432), got `1000`",
        ),
        (
            "[check]\ndeny = [\"E0101\"]",
            "gateway.toml:2:9: `check.deny`: expected codes of warnings, such as [\"W0301\"], or \"warnings\" for all of them, got `E0101`",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(errors(text), format!("error: {expected}"), "for {text}");
    }
}

#[test]
fn what_is_not_toml_says_where() {
    for text in ["a = ", "[x", "a = 1\na = 2", "\u{0}", "a = \"\\q\""] {
        let message = errors(text);
        assert!(message.starts_with("error: gateway.toml:") && message.contains("not valid TOML: "), "{message}");
    }
}

#[test]
fn all_mistakes_come_at_once() {
    let message = errors("threads = 0\n[drain]\nmax = 1\n[log]\nlevel = 3\n");
    assert_eq!(message.lines().count(), 3, "{message}");
}

#[test]
fn a_secret_that_stands_in_the_file_is_not_shown() {
    for text in ["[admin]\ntoken = \"canary\"", "[admin]\ntoken = [\"canary\"]", "[admin]\ntoken = \"env\"\n"] {
        assert!(!errors(text).contains("canary"), "{text}");
    }
}

#[test]
fn flags_win_over_the_file() {
    let text =
        "threads = 2\n[[listener]]\naddr = \"0.0.0.0:1\"\npolicy = \"edge\"\n[[listener]]\naddr = \"0.0.0.0:2\"\n";
    let overrides = Overrides { listen: vec!["127.0.0.1:0".parse().unwrap()], ..Overrides::default() };
    let settings = good(text, &overrides);
    assert_eq!(settings.threads.get(), 2);
    let [listener] = settings.listeners.as_slice() else { panic!("{:?}", settings.listeners) };
    assert_eq!(listener.addr, "127.0.0.1:0".parse().unwrap());
    assert_eq!(listener.policy.as_deref(), Some("edge"));
    assert_eq!(listener.headers, HeaderDetail::Debug);

    let any = "127.0.0.1:0".parse().unwrap();
    let settings = good(text, &Overrides { listen: vec![any, any, any], ..Overrides::default() });
    assert_eq!(settings.listeners.len(), 3);
    assert_eq!(settings.listeners.iter().map(|l| l.index).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn an_open_admin_listener_from_a_flag_is_refused_too() {
    let overrides = Overrides { admin: Some("0.0.0.0:1".parse().unwrap()), ..Overrides::default() };
    let message = ConfErrors(build("", "", Path::new(""), &overrides).1).to_string();
    assert!(message.starts_with("error: --admin: `0.0.0.0:1` is not loopback"), "{message}");
}

#[test]
fn the_annotated_file_loads_and_says_the_defaults() {
    let shown = good(ANNOTATED, &Overrides::default());
    assert_eq!(format!("{shown:?}"), format!("{:?}", Settings::default()));
}

/// The annotated file with its commented keys put in.
fn uncommented() -> String {
    let is_key = |rest: &str| {
        rest.starts_with('[')
            || rest.split_once(" = ").is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    };
    let line = |line: &'static str| line.strip_prefix("# ").filter(|rest| is_key(rest)).unwrap_or(line);
    ANNOTATED.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn paths(prefix: &str, table: &DeTable<'_>, found: &mut Vec<String>) {
    for (key, value) in table {
        let path = if prefix.is_empty() { key.get_ref().to_string() } else { format!("{prefix}.{}", key.get_ref()) };
        found.push(path.clone());
        let items = value.get_ref().as_array().into_iter().flat_map(|items| items.iter());
        for inner in items.chain([value]).filter_map(|value| value.get_ref().as_table()) {
            paths(&path, inner, found);
        }
    }
}

#[test]
fn the_annotated_file_shows_every_key() {
    let text = uncommented();
    let document = DeTable::parse(&text).unwrap();
    let mut shown = Vec::new();
    paths("", document.get_ref(), &mut shown);
    let mut known = super::build::keys(&text);
    shown.sort();
    known.sort();
    known.dedup();
    assert_eq!(shown, known);
}

#[test]
fn every_key_of_the_annotated_file_has_a_comment() {
    let lines: Vec<&str> = ANNOTATED.lines().collect();
    let is_prose = |line: &str| line.starts_with("# ");
    let is_value = |line: &str| !line.starts_with('#') && !line.is_empty();
    for (i, line) in lines.iter().enumerate().filter(|(_, line)| is_value(line)) {
        // `hold_bytes_max` and the like share the comment of the line above them.
        let above = lines[..i].iter().rev().find(|line| !is_value(line)).copied().unwrap_or_default();
        assert!(is_prose(above), "line {}: `{line}` has no comment above it", i + 1);
    }
}

#[test]
fn the_deployments_load_but_for_what_only_their_machines_have() {
    for name in ["sidecar", "gateway"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf").join(name).join("gateway.toml");
        let settings = load_elsewhere(Some(&file), &Overrides::default()).unwrap();
        assert!(settings.policy.unwrap().exists(), "{name}");
    }
}

#[test]
fn what_is_wrong_everywhere_is_wrong_elsewhere() {
    let dir = TempDir::new();
    let file = dir.write("gateway.toml", "[admin]\ntoken = \"env:WEIR_TEST_NEVER_SET\"\n");
    assert!(load(Some(&file), &Overrides::default()).is_err());
    assert!(load_elsewhere(Some(&file), &Overrides::default()).is_ok());
    let file = dir.write("gateway.toml", "[admin]\ntoken = \"canary\"\n");
    assert!(load_elsewhere(Some(&file), &Overrides::default()).is_err());
}

#[test]
fn certificates_are_checked_before_anything_is_served() {
    let dir = TempDir::new();
    for (name, text) in [("a.pem", CERT), ("a.key", KEY), ("b.key", OTHER_KEY), ("empty", "nothing here\n")] {
        dir.write(name, text);
    }
    let listener = |cert: &str, key: &str, client_ca: &str| {
        let ca = if client_ca.is_empty() { String::new() } else { format!("client_ca = \"{client_ca}\"\n") };
        let text =
            format!("[[listener]]\naddr = \"127.0.0.1:0\"\n[listener.tls]\ncert = \"{cert}\"\nkey = \"{key}\"\n{ca}");
        let file = dir.write("gateway.toml", &text);
        load(Some(&file), &Overrides::default()).map_err(|e| e.to_string())
    };
    let settings = listener("a.pem", "a.key", "a.pem").unwrap();
    let tls = settings.listeners[0].tls.as_ref().unwrap();
    assert_eq!(tls.certified.cert.len(), 1);
    assert!(tls.client_verifier.is_some());
    assert_eq!(settings.files.len(), 4, "{:?}", settings.files);
    for (cert, key, ca, said) in [
        ("a.pem", "b.key", "", "keys may not be consistent"),
        ("a.pem", "empty", "", "holds no PEM private key"),
        ("empty", "a.key", "", "holds no PEM certificate"),
        ("a.pem", "a.key", "empty", "holds no PEM certificate"),
        ("a.pem", "none", "", "cannot be read"),
    ] {
        let message = listener(cert, key, ca).unwrap_err();
        assert!(message.contains(said), "{cert} {key} {ca}: {message}");
    }
}
