//! The life of a serving process: build, bind, serve, reload, drain, end.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::HOST;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::bind::{BindError, Inherited, Sockets};
use super::operator::Operator;
use super::signals::{Signals, Wish};
use super::upgrade::{self, Offer, Place, UpgradeError};
use super::{BAD, BROKEN, GOOD, Screen, ports, welcome};
use crate::admin::AdminState;
use crate::clock::{Clock, Dice};
use crate::conf::{DrainSettings, LogFormat, Overrides, Settings};
use crate::drain::{Drain, Phase};
use crate::edge::{self, Edge};
use crate::exchange::{BodyBudget, Engine};
use crate::observe::{AccessLog, LineFormat, Metrics, MetricsError, Observer, Observers};
use crate::pool::{Fleet, health};
use crate::sim::Sim;
use crate::snapshot::reload::Reloads;
use crate::snapshot::{BuildError, Builder, Built, Current, Prints, Snapshot};
use crate::upstream::{Net, TransportLimits, Upstreams};
use crate::work;

/// Connections that were accepted before the listeners closed get this long to show their request.
const LAST_CALL: Duration = Duration::from_millis(20);
/// The access log's writer looks for lines at intervals; the last ones are waited for.
const ACCESS_FLUSH: Duration = Duration::from_millis(120);
/// How often idle upstream connections are looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

/// What a process starts with.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) conf: Option<PathBuf>,
    pub(super) overrides: Overrides,
    pub(super) settings: Arc<Settings>,
    pub(super) upgrade: bool,
}

/// Why a process ends before it serves.
#[derive(Debug, thiserror::Error)]
enum StartError {
    /// Policy or configuration.
    #[error("{0}")]
    Build(#[from] BuildError),
    /// A socket.
    #[error("{0}")]
    Bind(#[from] BindError),
    /// Taking over.
    #[error("{0}")]
    Upgrade(#[from] UpgradeError),
    /// The table of metrics.
    #[error("{0}")]
    Metrics(#[from] MetricsError),
    /// Building panicked; the log says where.
    #[error("building the policy panicked: this is a bug in weir, please report it")]
    Bug,
    /// Something the system refused.
    #[error("cannot {what}: {reason}")]
    System { what: &'static str, reason: io::Error },
}

/// A process that serves.
struct Serving {
    drain: Drain,
    reloads: Reloads,
    offer: Offer,
    settings: DrainSettings,
}

/// Runs until the end and returns the exit code.
pub(super) async fn process(start: Start, screen: &mut Screen) -> u8 {
    let access = start.settings.log.access;
    let code = match begin(start, screen).await {
        Ok((serving, signals)) => serving.until_the_end(signals).await,
        Err(StartError::Build(error)) => {
            // Diagnostics bring their own `error:`.
            screen.tell(&format!("{}\n", error.to_string().trim_end()));
            return if error.is_unreadable() { BROKEN } else { BAD };
        }
        Err(error) => return screen.broken(&error.to_string()),
    };
    if access {
        sleep(ACCESS_FLUSH).await;
    }
    code
}

async fn begin(start: Start, screen: &mut Screen) -> Result<(Serving, Signals), StartError> {
    let signals = Signals::listen().map_err(|e| system("listen to signals", e))?;
    let clock = Clock::system();
    let (metrics, observer) = observers(&start.settings, &clock)?;
    let fleet = Arc::new(Fleet::new(Instant::now(), Arc::clone(&observer)));
    let Start { conf, overrides, upgrade, .. } = start;
    let mut builder = Builder { conf, overrides, fleet: Arc::clone(&fleet), clock: clock.clone(), running: None };
    let (snapshot, prints) = first(&builder).await?;
    let settings = Arc::clone(&snapshot.settings);
    builder.running = Some(Arc::clone(&settings));

    let place = Place::of(&settings);
    let (mut inherited, predecessor) = match upgrade {
        true => upgrade::take_over(&place).map(|(inherited, predecessor)| (inherited, Some(predecessor)))?,
        false => (Inherited::default(), None),
    };
    settings.ports_file.iter().for_each(|path| ports::clear(path));
    let sockets = Sockets::bind(&settings, &mut inherited)?;
    let (proxy, admin) = sockets.addrs().map_err(|e| system("look at a socket", e))?;
    let heirloom = sockets.try_clone().map_err(|e| system("keep a socket", e))?;
    let (bound, admin_socket) = sockets.bound(&settings).map_err(|e| system("look at a socket", e))?;

    let drain = Drain::new();
    let current = Arc::new(Current::new(snapshot));
    let checks = watch_health(&current.load(), &observer);
    let engine = Arc::new(Engine {
        net: upstreams(&settings),
        current: Arc::clone(&current),
        observer: Arc::clone(&observer),
        budget: BodyBudget::new(settings.limits.body_bytes_inflight_max),
        dice: Dice::random(),
        clock,
    });
    work::spawn(sweep(Arc::clone(&engine)));
    edge::serve(&Arc::new(Edge { engine, drain: drain.clone() }), bound);
    let changed = {
        let metrics = Arc::clone(&metrics);
        move |snapshot: &Snapshot| {
            metrics.set_policy(&snapshot.id);
            checks.send_replace(checks_of(snapshot));
        }
    };
    let reloads = Reloads::start(Arc::clone(&current), builder, prints, observer, changed)
        .map_err(|e| system("start a thread", e))?;
    let control =
        Operator { current, reloads: reloads.clone(), fleet, drain: drain.clone(), runtime: Handle::current() };
    let state = AdminState { own: admin, token: settings.admin.token.clone(), control: Arc::new(control), metrics };
    edge::serve_admin(state, admin_socket);

    if let Some(path) = &settings.ports_file {
        ports::write(path, &proxy, admin).map_err(|e| system("write the ports file", e))?;
    }
    if let Some(predecessor) = predecessor {
        predecessor.dismiss()?;
    }
    let offer = Offer::make(place, heirloom, &settings);
    log::info!(
        "listening on {}, admin on {admin}",
        proxy.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    );
    if let Some(welcome) = welcome(&settings, proxy.first().copied(), admin) {
        screen.say(&welcome);
    }
    Ok((Serving { drain, reloads, offer, settings: settings.drain }, signals))
}

fn system(what: &'static str, reason: io::Error) -> StartError {
    StartError::System { what, reason }
}

fn observers(settings: &Settings, clock: &Clock) -> Result<(Arc<Metrics>, Arc<dyn Observer>), StartError> {
    let metrics = Arc::new(Metrics::new()?);
    let mut observers = Observers { metrics: Some(Arc::clone(&metrics)), ..Observers::default() };
    if settings.log.access {
        let format = match settings.log.format {
            LogFormat::Text => LineFormat::Text,
            LogFormat::Json => LineFormat::Json,
        };
        let (log, _writer) = AccessLog::start(io::stdout(), format, clock.clone(), metrics.lines_dropped())
            .map_err(|e| system("start a thread", e))?;
        observers.access = Some(Arc::new(log));
    }
    Ok((metrics, Arc::new(observers)))
}

/// The first snapshot, built off the workers as all the others are.
async fn first(builder: &Builder) -> Result<(Snapshot, Prints), StartError> {
    let builder = builder.clone();
    let Built { result, prints } = work::blocking(move || builder.build()).await.map_err(|_| StartError::Bug)?;
    let snapshot = result?;
    for warning in &snapshot.warnings {
        log::warn!("{}", warning.trim_end());
    }
    Ok((snapshot, prints))
}

fn upstreams(settings: &Settings) -> Upstreams {
    let upstream = &settings.upstream;
    let limits = TransportLimits {
        idle_per_peer_max: upstream.idle_per_address_max,
        idle_max: upstream.idle,
        h2_streams_max: upstream.h2_streams_max,
        h2_stream_window_bytes: upstream.h2_window_bytes,
        resolve_max_age: upstream.dns_refresh,
    };
    Upstreams { net: Net::new(limits), sim: Sim::default() }
}

/// Closes idle upstream connections in time.
async fn sweep(engine: Arc<Engine<Upstreams>>) {
    loop {
        sleep(SWEEP_EVERY).await;
        engine.net.net.sweep();
    }
}

/// Starts the active health checks. Their connections are their own, so that a probe never waits for requests.
fn watch_health(first: &Snapshot, observer: &Arc<dyn Observer>) -> watch::Sender<Vec<health::Check>> {
    let (checks, current) = watch::channel(checks_of(first));
    let dial = Arc::new(upstreams(&first.settings));
    work::spawn(health::watch(dial, current, Arc::clone(observer)));
    checks
}

fn checks_of(snapshot: &Snapshot) -> Vec<health::Check> {
    health::checks(&snapshot.hir, &snapshot.pools, |id| {
        let target = snapshot.target(id)?;
        let host = (HOST, target.host.clone());
        let headers = [&target.defaults, &target.credentials, &target.extra];
        let headers = std::iter::once(host).chain(headers.into_iter().flatten().cloned()).collect();
        Some((Arc::clone(&target.peer), headers))
    })
}

// === impl Serving ===

impl Serving {
    /// Serves until told to end, then drains.
    async fn until_the_end(mut self, mut signals: Signals) -> u8 {
        let notice = loop {
            tokio::select! {
                wish = signals.next() => match wish {
                    Wish::Reload => self.reloads.request(),
                    Wish::Drain => break self.settings.notice,
                    Wish::Stop => break Duration::ZERO,
                },
                Ok(()) = &mut self.offer.replaced => {
                    log::info!("a successor has taken the listeners over");
                    break Duration::ZERO;
                }
            }
        };
        tokio::select! {
            code = self.end(notice) => code,
            () = signals.again() => {
                log::warn!("told to end once more: {} requests are cut off", self.drain.running());
                BAD
            }
        }
    }

    async fn end(&self, notice: Duration) -> u8 {
        let (drain, most) = (&self.drain, self.settings.max);
        drain.advance(Phase::Noticed);
        if !notice.is_zero() {
            log::info!("draining: not ready any more, closing the listeners in {} ms", notice.as_millis());
            sleep(notice).await;
        }
        drain.advance(Phase::Closing);
        self.offer.withdraw();
        log::info!("draining: {} requests may finish within {} ms", drain.running(), most.as_millis());
        let all_ended = async {
            loop {
                drain.idle().await;
                sleep(LAST_CALL).await;
                if drain.running() == 0 {
                    return;
                }
            }
        };
        if timeout(most, all_ended).await.is_ok() {
            return GOOD;
        }
        log::warn!("{} requests did not finish in time and are cut off", drain.running());
        BAD
    }
}
