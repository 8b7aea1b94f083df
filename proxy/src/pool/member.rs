//! One pool of one snapshot: its members, and the rules by which it ejects them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use smallvec::SmallVec;
use weir_dsl::hir::{Balance, Breaker, Eject, EndpointId, PoolId};

use super::budget::RetryBudget;
use super::endpoint::{EndpointState, MemberState};
use super::gate::Admission;
use super::time::Epoch;
use crate::observe::{Event, Observer};

/// Ejection in pools of several members that do not say how: without it every n-th request would have to find
/// out again that a member is dead.
pub const DEFAULT_EJECT: Eject = Eject { after: 5, hold: Duration::from_secs(5), max_percent: 100 };

/// What the process remembers about a pool, beside its members.
#[derive(Debug, Default)]
pub(crate) struct PoolState {
    pub(crate) budget: RetryBudget,
    /// Held while one failure decides about ejection, so that two cannot both take the last free place.
    ejecting: AtomicBool,
}

/// One pool as a snapshot sees it.
pub(crate) struct BoundPool {
    pub(crate) id: PoolId,
    pub(crate) name: Arc<str>,
    pub(crate) balance: Balance,
    /// As written: a `MemberIndex` is a place here.
    pub(crate) members: Vec<Member>,
    pub(crate) eject: Option<Eject>,
    pub(crate) breaker: Option<Breaker>,
    pub(crate) state: Arc<PoolState>,
    /// Virtual time of the weighted turns.
    pub(crate) turn: AtomicU64,
    pub(crate) epoch: Epoch,
    pub(crate) observer: Arc<dyn Observer>,
}

/// One member.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: EndpointId,
    pub(crate) endpoint: Arc<EndpointState>,
    pub(crate) state: Arc<MemberState>,
    pub(crate) weight: u32,
    pub(crate) capacity: Option<u32>,
    pub(crate) tier: u32,
    /// Identity for consistent hashing, the same in every process that loads this policy.
    pub(crate) hash: u64,
    /// Virtual time of this member's next turn.
    pub(crate) turn: AtomicU64,
}

// === impl Member ===

impl Member {
    /// Whether it may take a request now, as a full member or as a trial.
    pub(crate) fn admission(&self, now: u64) -> Admission {
        match (self.endpoint.admission(now), self.state.out.look(now)) {
            (Admission::Closed, _) | (_, Admission::Closed) => Admission::Closed,
            (Admission::Trial, _) | (_, Admission::Trial) => Admission::Trial,
            (Admission::Open, Admission::Open) => Admission::Open,
        }
    }

    /// Load that a choice by in-flight compares, crosswise to avoid dividing by the weight.
    pub(crate) fn load(&self) -> u64 {
        u64::from(self.endpoint.in_flight()) + 1
    }

    pub(crate) fn share(&self) -> u64 {
        u64::from(self.weight.max(1))
    }
}

// === impl BoundPool ===

impl std::fmt::Debug for BoundPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BoundPool").field("name", &self.name).field("members", &self.members).finish_non_exhaustive()
    }
}

impl BoundPool {
    /// Members that take requests now.
    pub(crate) fn usable(&self, now: u64) -> usize {
        let usable = |m: &&Member| m.admission(now) != Admission::Closed && m.endpoint.has_room(m.capacity);
        self.members.iter().filter(usable).count()
    }

    /// Requests in flight as a share of the capacity of all members, in per cent; `None` when a member has none.
    pub(crate) fn used_percent(&self) -> Option<u64> {
        let sums = self.members.iter().try_fold((0_u64, 0_u64), |(used, room), m| {
            Some((used + u64::from(m.endpoint.in_flight()), room + u64::from(m.capacity?)))
        });
        sums.filter(|(_, room)| *room > 0).map(|(used, room)| used * 100 / room)
    }

    /// Counts a failure and decides whether it takes the member out.
    pub(crate) fn count_failure(&self, member: &Member, now: u64) {
        let consecutive = member.state.consecutive.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        if let Some(rule) = self.eject.filter(|rule| consecutive >= rule.after) {
            self.eject(member, rule, now);
        }
        if let Some(rule) = self.breaker {
            self.judge(member, rule, now, true);
        }
    }

    /// Counts a success; `proves` says that the request was sent to find out whether the member is well again.
    pub(crate) fn count_success(&self, member: &Member, now: u64, proves: bool) {
        // Written only when it changes: this line of memory is shared by all workers.
        if member.state.consecutive.load(Ordering::Relaxed) != 0 {
            member.state.consecutive.store(0, Ordering::Release);
        }
        if proves && member.state.out.look(now) != Admission::Open && member.state.out.win() {
            member.state.breaker.clear();
            self.tell(member, true, "recovered");
        }
        if let Some(rule) = self.breaker {
            self.judge(member, rule, now, false);
        }
    }

    /// A trial failed.
    pub(crate) fn count_failed_trial(&self, member: &Member, now: u64) {
        member.state.consecutive.fetch_add(1, Ordering::AcqRel);
        member.state.out.close_again(now);
        self.tell(member, false, "ejected");
    }

    fn eject(&self, member: &Member, rule: Eject, now: u64) {
        if self.state.ejecting.swap(true, Ordering::Acquire) {
            // Somebody else decides right now. The count stays, so the next failure asks again.
            return;
        }
        let is_out = |m: &Member| m.state.out.look(now) == Admission::Closed;
        if !is_out(member) && self.out(now) < self.ejectable(rule) {
            member.state.out.close(now, rule.hold, 1);
            self.tell(member, false, "ejected");
        }
        self.state.ejecting.store(false, Ordering::Release);
    }

    /// Different endpoints that are out.
    pub(crate) fn out(&self, now: u64) -> usize {
        self.distinct(|m| m.state.out.look(now) == Admission::Closed)
    }

    /// Most endpoints that may be out by `rule`: its share, but one at least in a pool of several.
    fn ejectable(&self, rule: Eject) -> usize {
        let endpoints = self.distinct(|_| true);
        let share = endpoints * usize::from(rule.max_percent) / 100;
        if endpoints > 1 && rule.max_percent > 0 { share.max(1) } else { share }
    }

    fn distinct(&self, keep: impl Fn(&Member) -> bool) -> usize {
        let mut seen = SmallVec::<[EndpointId; 16]>::new();
        for member in self.members.iter().filter(|m| keep(m)) {
            if !seen.contains(&member.id) {
                seen.push(member.id);
            }
        }
        seen.len()
    }

    fn judge(&self, member: &Member, rule: Breaker, now: u64, failed: bool) {
        member.state.breaker.add(now, rule.over, failed);
        if !failed || member.state.out.look(now) != Admission::Open {
            return;
        }
        let seen = member.state.breaker.counts(now, rule.over);
        if seen.all >= u64::from(rule.min) && seen.marked * 100 >= seen.all * u64::from(rule.errors_percent) {
            member.state.out.close(now, rule.open, rule.probes);
            self.tell(member, false, "breaker_open");
        }
    }

    pub(crate) fn tell(&self, member: &Member, up: bool, reason: &str) {
        self.observer.on(&Event::Endpoint { endpoint: &member.endpoint.name, up, reason });
    }
}
