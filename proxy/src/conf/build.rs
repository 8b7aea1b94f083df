//! From a file and flags to checked [`Settings`]: one function for each table of `gateway.toml`.
//!
//! A key exists because a function here asks for it; `conf/gateway.toml` shows each one, and a test compares.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;
use weir_dsl::hir::SecretRef;

use super::error::{ConfError, ConfErrors, Problem};
use super::read::{Notes, Put, Table};
use super::settings::{
    Admin, DrainSettings, HeaderDetail, Limits, ListenerSettings, ListenerTls, Log, LogFormat, Settings, Timeouts,
    Upstream,
};
use super::{compile, tls};
use crate::secret;

/// Longest configuration file that is read.
pub const CONF_BYTES_MAX: u64 = 1 << 20;

/// Longest time that a timer may be set to: a day.
const MILLIS_MAX: u64 = 86_400_000;
/// Largest size and count that a limit may be set to.
const BYTES_MAX: u64 = 1 << 40;
const COUNT_MAX: u64 = 1 << 30;

/// What the command line says; it wins over the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// The root policy file.
    pub policy: Option<PathBuf>,
    /// Addresses for the listeners in written order; further ones are added, listeners without one are dropped.
    pub listen: Vec<SocketAddr>,
    /// Address of the admin listener.
    pub admin: Option<SocketAddr>,
    /// Worker threads.
    pub threads: Option<NonZeroUsize>,
    /// The overlay.
    pub env: Option<Arc<str>>,
    /// Where the real addresses are written.
    pub ports_file: Option<PathBuf>,
    /// How log lines look.
    pub log_format: Option<LogFormat>,
    /// Least important level that is written.
    pub log_level: Option<log::LevelFilter>,
}

/// Reads and checks a configuration; without a file the defaults apply.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Settings, ConfErrors> {
    good(read_and_build(file, overrides)?)
}

/// As [`load`], but secrets and certificates need not be there: for checking where the process does not run.
///
/// # Errors
/// Everything that is wrong with the file itself.
pub fn load_elsewhere(file: Option<&Path>, overrides: &Overrides) -> Result<Settings, ConfErrors> {
    let (settings, mut problems) = read_and_build(file, overrides)?;
    problems.retain(|error| !error.problem.is_of_this_machine());
    good((settings, problems))
}

fn read_and_build(file: Option<&Path>, overrides: &Overrides) -> Result<(Settings, Vec<ConfError>), ConfErrors> {
    let text = file.map_or_else(|| Ok(String::new()), read)?;
    let name = file.map_or_else(String::new, |file| file.display().to_string());
    let folder = file.and_then(Path::parent).unwrap_or(Path::new(""));
    let (mut settings, problems) = build(&name, &text, folder, overrides);
    settings.files.extend(file.map(Path::to_owned));
    Ok((settings, problems))
}

fn good((settings, problems): (Settings, Vec<ConfError>)) -> Result<Settings, ConfErrors> {
    if problems.is_empty() { Ok(settings) } else { Err(ConfErrors(problems)) }
}

fn read(file: &Path) -> Result<String, ConfErrors> {
    let whole =
        |problem| ConfErrors(vec![ConfError { key: String::new(), place: file.display().to_string(), problem }]);
    let mut text = String::new();
    let length = File::open(file)
        .and_then(|f| f.take(CONF_BYTES_MAX + 1).read_to_string(&mut text))
        .map_err(|e| whole(Problem::Unreadable(e)))?;
    if u64::try_from(length).unwrap_or(u64::MAX) > CONF_BYTES_MAX {
        return Err(whole(Problem::TooLarge));
    }
    Ok(text)
}

/// What the text says, and everything that is wrong with it.
pub(super) fn build(name: &str, text: &str, folder: &Path, over: &Overrides) -> (Settings, Vec<ConfError>) {
    let notes = Notes::new(name, text);
    let (document, broken) = DeTable::parse_recoverable(text);
    for error in broken {
        let at = error.span().map_or(0, |span| span.start);
        notes.problem("", at, Problem::Syntax(error.message().replace('\n', ", ")));
    }
    let settings = settings(&Table::root(&notes, document.get_ref()), &notes, folder, over);
    (settings, notes.into_problems())
}

fn settings(root: &Table<'_>, notes: &Notes<'_>, folder: &Path, over: &Overrides) -> Settings {
    let mut files = Vec::new();
    let policy = root.file("policy").map(|put| folder.join(put.value));
    let env = root.text("env", "the name of an overlay").map(|put| Arc::from(put.value));
    let threads = root.number("threads", 1..=1024).and_then(NonZeroUsize::new);
    let ports_file = root.file("ports_file").map(|put| folder.join(put.value));
    let upgrade_socket = root.file("upgrade_socket").map(|put| folder.join(put.value));
    let mut compile = compile::options(root);
    compile.env = over.env.clone().or(env);
    let defaults = Settings::default();
    let settings = Settings {
        policy: over.policy.clone().or(policy),
        threads: over.threads.or(threads).unwrap_or(defaults.threads),
        listeners: listeners(root, notes, folder, over, &mut files),
        admin: admin(root, notes, folder, over, &mut files),
        limits: limits(&root.table("limits")),
        timeouts: timeouts(&root.table("timeouts")),
        upstream: upstream(&root.table("upstream")),
        drain: drain(&root.table("drain")),
        log: log(&root.table("log"), over),
        compile,
        ports_file: over.ports_file.clone().or(ports_file),
        upgrade_socket,
        files,
    };
    root.done();
    settings
}

// --- listeners ----------------------------------------------------------------------------------------------

fn listeners(
    root: &Table<'_>,
    notes: &Notes<'_>,
    folder: &Path,
    over: &Overrides,
    files: &mut Vec<PathBuf>,
) -> Vec<Arc<ListenerSettings>> {
    let tables = root.tables("listener");
    let wanted = if over.listen.is_empty() { tables.len() } else { over.listen.len() };
    let mut found: Vec<Arc<ListenerSettings>> = Vec::with_capacity(wanted);
    for (index, table) in tables.iter().enumerate() {
        let listener = listener(index, table, folder, over.listen.get(index).copied(), files);
        let taken = |other: &Arc<ListenerSettings>| other.addr == listener.addr && listener.addr.port() != 0;
        if index < wanted {
            if found.iter().any(taken) {
                table.problem_with("addr", Problem::SameAddress(listener.addr));
            }
            found.push(Arc::new(listener));
        }
    }
    for addr in over.listen.iter().skip(tables.len()) {
        if found.iter().any(|other| other.addr == *addr && addr.port() != 0) {
            notes.problem_of_flag("--listen", Problem::SameAddress(*addr));
        }
        found.push(Arc::new(ListenerSettings::clear(found.len(), *addr)));
    }
    if found.is_empty() { Settings::default().listeners } else { found }
}

fn listener(
    index: usize,
    table: &Table<'_>,
    folder: &Path,
    over: Option<SocketAddr>,
    files: &mut Vec<PathBuf>,
) -> ListenerSettings {
    let written = table.addr("addr");
    if written.is_none() && over.is_none() && !table.has("addr") {
        table.missing("addr", "an address with its port, such as `127.0.0.1:8080`");
    }
    let addr = over.or(written.map(|put| put.value)).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
    let headers = table.word("headers", &[("debug", HeaderDetail::Debug), ("minimal", HeaderDetail::Minimal)]);
    let listener = ListenerSettings {
        index,
        addr,
        policy: table.text("policy", "the name of a policy").map(|put| Arc::from(put.value)),
        tls: listener_tls(&table.table("tls"), folder, files),
        h2c: table.flag("h2c").unwrap_or(true),
        headers: headers.unwrap_or_else(|| HeaderDetail::default_for(addr.ip())),
    };
    table.done();
    listener
}

fn listener_tls(table: &Table<'_>, folder: &Path, files: &mut Vec<PathBuf>) -> Option<ListenerTls> {
    let mut place = |put: Option<Put<PathBuf>>| {
        let put = put?;
        let path = folder.join(put.value);
        files.push(path.clone());
        Some(Put { value: path, span: put.span })
    };
    let cert = place(table.file("cert"));
    let key = place(table.file("key"));
    let client_ca = place(table.file("client_ca"));
    table.done();
    if !table.is_present() {
        return None;
    }
    for (name, put) in [("cert", &cert), ("key", &key)] {
        if put.is_none() && !table.has(name) {
            table.missing(name, "the path of a PEM file");
        }
    }
    let (cert, key) = (cert?, key?);
    let certified =
        tls::certified(&cert.value, &key.value).map_err(|problem| table.problem("cert", &cert.span, problem)).ok()?;
    let client_verifier = match client_ca {
        None => None,
        Some(roots) => Some(
            tls::client_verifier(&roots.value)
                .map_err(|problem| table.problem("client_ca", &roots.span, problem))
                .ok()?,
        ),
    };
    Some(ListenerTls { certified, client_verifier })
}

fn admin(root: &Table<'_>, notes: &Notes<'_>, folder: &Path, over: &Overrides, files: &mut Vec<PathBuf>) -> Admin {
    let table = root.table("admin");
    let written = table.addr("addr");
    let token = table.secret("token").and_then(|put| {
        if let SecretRef::File(path) = &put.value {
            files.push(folder.join(&**path));
        }
        secret::resolve(&put.value, folder)
            .map_err(|problem| table.problem("token", &put.span, Problem::Secret(problem)))
            .ok()
    });
    let addr = over.admin.or(written.as_ref().map(|put| put.value)).unwrap_or(Settings::default().admin.addr);
    if !addr.ip().is_loopback() && token.is_none() && !table.has("token") {
        match (over.admin, &written) {
            (None, Some(put)) => table.problem("addr", &put.span, Problem::OpenAdmin(addr)),
            (Some(_), _) | (None, None) => notes.problem_of_flag("--admin", Problem::OpenAdmin(addr)),
        }
    }
    table.done();
    Admin { addr, token }
}

// --- numbers ------------------------------------------------------------------------------------------------

fn limits(table: &Table<'_>) -> Limits {
    let d = Limits::default();
    let limits = Limits {
        body_bytes_max: table.number("body_bytes_max", 1..=BYTES_MAX).unwrap_or(d.body_bytes_max),
        body_bytes_inflight_max: table
            .number("body_bytes_inflight_max", 1..=BYTES_MAX)
            .unwrap_or(d.body_bytes_inflight_max),
        body_idle: table.millis("body_idle_ms", 1..=MILLIS_MAX).unwrap_or(d.body_idle),
        body_rate_min: table.whole("body_rate_min_bytes_per_s", 0..=BYTES_MAX).unwrap_or(d.body_rate_min),
        header_bytes_max: table.number("header_bytes_max", 1024..=1_048_575).unwrap_or(d.header_bytes_max),
        header_count_max: table.number("header_count_max", 8..=256).unwrap_or(d.header_count_max),
        header_read: table.millis("header_read_ms", 1..=MILLIS_MAX).unwrap_or(d.header_read),
        keepalive: table.millis("keepalive_ms", 1000..=MILLIS_MAX).unwrap_or(d.keepalive),
        keepalive_requests_max: table
            .number("keepalive_requests_max", 1..=COUNT_MAX)
            .unwrap_or(d.keepalive_requests_max),
        connections_max: table.number("connections_max", 1..=COUNT_MAX).unwrap_or(d.connections_max),
        h2_streams_max: table.number("h2_streams_max", 1..=COUNT_MAX).unwrap_or(d.h2_streams_max),
        write: table.millis("write_ms", 1..=MILLIS_MAX).unwrap_or(d.write),
        hold_events_max: table.number("hold_events_max", 1..=COUNT_MAX).unwrap_or(d.hold_events_max),
        hold_bytes_max: table.number("hold_bytes_max", 1..=BYTES_MAX).unwrap_or(d.hold_bytes_max),
        event_bytes_max: table.number("event_bytes_max", 1024..=BYTES_MAX).unwrap_or(d.event_bytes_max),
        error_bytes_max: table.number("error_bytes_max", 1..=BYTES_MAX).unwrap_or(d.error_bytes_max),
    };
    if limits.body_bytes_inflight_max < limits.body_bytes_max {
        let expected = format!("at least `limits.body_bytes_max` ({})", limits.body_bytes_max);
        let got = format!("`{}`", limits.body_bytes_inflight_max);
        table.problem_with("body_bytes_inflight_max", Problem::Mismatch { expected, got });
    }
    table.done();
    limits
}

fn timeouts(table: &Table<'_>) -> Timeouts {
    let d = Timeouts::default();
    let timeouts = Timeouts {
        connect: table.millis("connect_ms", 1..=MILLIS_MAX).unwrap_or(d.connect),
        first_byte: table.millis("first_byte_ms", 1..=MILLIS_MAX).unwrap_or(d.first_byte),
        first_byte_whole: table.millis("first_byte_whole_ms", 1..=MILLIS_MAX).unwrap_or(d.first_byte_whole),
        idle: table.millis("idle_ms", 1..=MILLIS_MAX).unwrap_or(d.idle),
        total: table.millis("total_ms", 1..=MILLIS_MAX).unwrap_or(d.total),
    };
    table.done();
    timeouts
}

fn upstream(table: &Table<'_>) -> Upstream {
    let d = Upstream::default();
    let upstream = Upstream {
        idle_per_address_max: table.number("idle_per_address_max", 0..=COUNT_MAX).unwrap_or(d.idle_per_address_max),
        idle: table.millis("idle_ms", 1..=MILLIS_MAX).unwrap_or(d.idle),
        h2_streams_max: table.number("h2_streams_max", 1..=COUNT_MAX).unwrap_or(d.h2_streams_max),
        h2_window_bytes: table.number("h2_window_bytes", 65_535..=(1 << 31) - 1).unwrap_or(d.h2_window_bytes),
        dns_refresh: table.millis("dns_refresh_ms", 100..=MILLIS_MAX).unwrap_or(d.dns_refresh),
    };
    table.done();
    upstream
}

fn drain(table: &Table<'_>) -> DrainSettings {
    let d = DrainSettings::default();
    let drain = DrainSettings {
        notice: table.millis("notice_ms", 0..=MILLIS_MAX).unwrap_or(d.notice),
        max: table.millis("max_ms", 0..=MILLIS_MAX).unwrap_or(d.max),
    };
    table.done();
    drain
}

fn log(table: &Table<'_>, over: &Overrides) -> Log {
    let d = Log::default();
    let format = table.word("format", &[("text", LogFormat::Text), ("json", LogFormat::Json)]);
    let level = table.word("level", LEVELS);
    let log = Log {
        format: over.log_format.or(format).unwrap_or(d.format),
        level: over.log_level.or(level).unwrap_or(d.level),
        access: table.flag("access").unwrap_or(d.access),
    };
    table.done();
    log
}

/// Log levels and their words.
const LEVELS: &[(&str, log::LevelFilter)] = &[
    ("off", log::LevelFilter::Off),
    ("error", log::LevelFilter::Error),
    ("warn", log::LevelFilter::Warn),
    ("info", log::LevelFilter::Info),
    ("debug", log::LevelFilter::Debug),
    ("trace", log::LevelFilter::Trace),
];

/// Every key that exists, as the functions above ask for them.
#[cfg(test)]
pub(super) fn keys(text: &str) -> Vec<String> {
    let notes = Notes::new("", text);
    let (document, _) = DeTable::parse_recoverable(text);
    settings(&Table::root(&notes, document.get_ref()), &notes, Path::new("/nowhere"), &Overrides::default());
    notes.keys()
}
