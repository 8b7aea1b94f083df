//! Replacing the snapshot in force: one task, so that reloads never overlap; requests that come meanwhile are
//! merged into the next one, and the last state of the files always wins.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::prints::Prints;
use super::reap::Reaper;
use super::watch::Watch;
use super::{Builder, Built, Current, Snapshot};
use crate::observe::{Event, Observer};
use crate::work;

/// Silence of the file system before changed files are read: editors and tools write in several steps.
const SETTLE: Duration = Duration::from_millis(50);
/// Longest time that a file system which never falls silent can put off a reload.
const SETTLE_MAX: Duration = Duration::from_millis(500);
/// How often files are looked at where the system sends no events.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Asks for reloads and waits for what came of them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reloads(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    wanted: watch::Sender<Wanted>,
    done: watch::Sender<Done>,
    touched: Arc<Notify>,
}

/// How often each was asked for.
#[derive(Clone, Copy, Debug, Default)]
struct Wanted {
    reloads: u64,
    rollbacks: u64,
}

/// How often each was done, and the last outcome.
#[derive(Clone, Debug, Default)]
struct Done {
    reloads: u64,
    rollbacks: u64,
    outcome: Arc<Outcome>,
}

/// What came of a reload or rollback.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Whether what was asked for is in force.
    pub ok: bool,
    /// Identity of the set in force now.
    pub id: Arc<str>,
    /// Everything that was wrong.
    pub message: Option<String>,
}

/// What is told of every snapshot that comes into force.
type Changed = Box<dyn Fn(&Snapshot) + Send + Sync>;

/// The task that reloads.
struct Reloader {
    shared: Arc<Shared>,
    current: Arc<Current>,
    builder: Builder,
    observer: Arc<dyn Observer>,
    reaper: Reaper<Snapshot>,
    watch: Watch,
    prints: Prints,
    changed: Changed,
}

// === impl Reloads ===

impl Reloads {
    /// Takes over from the first build, whose files are watched from now on. Call it on the runtime. `changed` is
    /// told of every snapshot that comes into force.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        current: Arc<Current>,
        builder: Builder,
        prints: Prints,
        observer: Arc<dyn Observer>,
        changed: impl Fn(&Snapshot) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            wanted: watch::Sender::default(),
            done: watch::Sender::default(),
            touched: Arc::default(),
        });
        let mut watch = Watch::new(Arc::clone(&shared.touched));
        watch.follow(prints.files());
        let reloader = Reloader {
            shared: Arc::clone(&shared),
            current,
            builder,
            observer,
            reaper: Reaper::start()?,
            watch,
            prints,
            changed: Box::new(changed),
        };
        work::spawn(reloader.run());
        Ok(Self(shared))
    }

    /// Asks for a reload without waiting.
    pub fn request(&self) {
        self.0.wanted.send_modify(|wanted| wanted.reloads += 1);
    }

    /// Reloads, and says what came of it. Several at once share one reload that began after the first asked.
    pub async fn reload(&self) -> Arc<Outcome> {
        let mut number = 0;
        self.0.wanted.send_modify(|wanted| {
            wanted.reloads += 1;
            number = wanted.reloads;
        });
        self.until(|done| done.reloads >= number).await
    }

    /// Puts the set before the one in force back.
    pub async fn rollback(&self) -> Arc<Outcome> {
        let mut number = 0;
        self.0.wanted.send_modify(|wanted| {
            wanted.rollbacks += 1;
            number = wanted.rollbacks;
        });
        self.until(|done| done.rollbacks >= number).await
    }

    /// What came of the last one; good and empty before the first.
    #[must_use]
    pub fn last(&self) -> Arc<Outcome> {
        Arc::clone(&self.0.done.borrow().outcome)
    }

    async fn until(&self, enough: impl Fn(&Done) -> bool) -> Arc<Outcome> {
        let mut done = self.0.done.subscribe();
        // Only the reloader's end closes the channel, and it ends with the process.
        done.wait_for(|done| enough(done)).await.map_or_else(|_| Arc::default(), |done| Arc::clone(&done.outcome))
    }
}

// === impl Reloader ===

impl Reloader {
    async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let mut wanted = shared.wanted.subscribe();
        loop {
            let look_at = Instant::now() + LOOK_EVERY;
            tokio::select! {
                changed = wanted.changed() => if changed.is_err() { return },
                () = shared.touched.notified() => self.reload_if_changed(true).await,
                () = sleep_until(look_at), if !self.watch.is_live() => self.reload_if_changed(false).await,
            }
            let asked = *wanted.borrow_and_update();
            self.serve(asked).await;
        }
    }

    async fn serve(&mut self, asked: Wanted) {
        let done = self.shared.done.borrow().clone();
        for _ in done.rollbacks..asked.rollbacks {
            let outcome = self.roll_back();
            self.finish(|done| done.rollbacks += 1, outcome);
        }
        if asked.reloads > done.reloads {
            let outcome = self.reload().await;
            self.finish(|done| done.reloads = asked.reloads, outcome);
        }
    }

    async fn reload_if_changed(&mut self, settle: bool) {
        if settle {
            self.settle().await;
        }
        if self.prints.have_changed() {
            let outcome = self.reload().await;
            self.finish(|_| {}, outcome);
        }
    }

    /// Waits until the file system has been silent for a moment.
    async fn settle(&self) {
        let end = Instant::now() + SETTLE_MAX;
        loop {
            tokio::select! {
                () = self.shared.touched.notified() => if Instant::now() >= end { return },
                () = sleep(SETTLE) => return,
            }
        }
    }

    async fn reload(&mut self) -> Outcome {
        let builder = self.builder.clone();
        let Ok(Built { result, prints }) = work::blocking(move || builder.build()).await else {
            return self.failed("building the policy panicked: this is a bug in weir, please report it".to_owned());
        };
        self.watch.follow(prints.files());
        self.prints = prints;
        match result {
            Ok(snapshot) => self.publish(snapshot),
            Err(error) => self.failed(error.to_string()),
        }
    }

    fn publish(&self, snapshot: Snapshot) -> Outcome {
        let id = Arc::clone(&snapshot.id);
        for warning in &snapshot.warnings {
            log::warn!("{}", warning.trim_end());
        }
        log::set_max_level(snapshot.settings.log.level);
        (self.changed)(&snapshot);
        for old in self.current.publish(Arc::new(snapshot)) {
            self.reaper.take(old);
        }
        log::info!("policy {id} is in force");
        Outcome { ok: true, id, message: None }
    }

    fn failed(&self, message: String) -> Outcome {
        let id = Arc::clone(&self.current.load().id);
        log::error!("the reload failed, policy {id} stays in force\n{}", message.trim_end());
        Outcome { ok: false, id, message: Some(message) }
    }

    fn roll_back(&self) -> Outcome {
        let Some(gone) = self.current.step_back() else {
            return self.failed("there is no earlier set to go back to".to_owned());
        };
        self.reaper.take(gone);
        let now = self.current.load();
        (self.changed)(&now);
        let id = Arc::clone(&now.id);
        log::warn!("rolled back: policy {id} is in force until the next reload");
        Outcome { ok: true, id, message: None }
    }

    fn finish(&self, count: impl FnOnce(&mut Done), outcome: Outcome) {
        let message = outcome.message.as_deref().and_then(|message| message.lines().next());
        self.observer.on(&Event::Reload { ok: outcome.ok, policy: &outcome.id, message });
        self.shared.done.send_modify(|done| {
            count(done);
            done.outcome = Arc::new(outcome);
        });
    }
}
