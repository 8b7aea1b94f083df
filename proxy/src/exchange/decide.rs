//! Station 4: the policy speaks, once.
//!
//! Facts are the request as it arrived; the rule tree reads what it needs of them; what comes out is a plan that is
//! carried out and never re-decided. This station refuses to know what the plan is for.

use std::cell::RefCell;
use std::sync::Arc;

use smallvec::SmallVec;
use weir_dsl::facts::Facts;
use weir_dsl::hir::{Balance, FieldId, Hir, Route, Tier};
use weir_dsl::plan::{CompiledPolicy, Deciding, Evaluation, Plan, Terminal, share};
use weir_filters::format::Dialect;
use weir_filters::format::peek::PeekError;

use super::Scene;
use super::facts::{BodyFacts, RequestFacts};
use super::port::{Dial, Downstream};
use super::read::Received;
use super::record::Record;
use crate::answer::Bug;
use crate::pool;

thread_local! {
    /// The evaluation's memory belongs to the worker: a decision allocates nothing once it has grown.
    static MEMORY: RefCell<Evaluation> = RefCell::new(Evaluation::new());
}

/// What the policy said, and where that leads.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) plan: Arc<Plan>,
    /// `None`: the policy answers by itself.
    pub(crate) route: Option<Arc<Route>>,
    /// Public model name to ask for, after alias and `set model`.
    pub(crate) model: Option<Arc<str>>,
    /// Keys of the pools that balance by a field.
    pub(crate) hashes: Hashes,
}

/// Hashes of the fields by which pools balance.
pub(crate) type Hashes = SmallVec<[((FieldId, Option<u32>), u64); 1]>;

/// Why there is no decision.
#[derive(Debug)]
pub(crate) enum Undecided {
    /// A rule reads the body, and the body means different things to different readers.
    Ambiguous(PeekError),
    /// We are wrong.
    Bug(Bug),
}

/// Judges a model request.
pub(crate) fn decide<D: Downstream, N: Dial>(
    scene: &Scene<'_, N>,
    dialect: Dialect,
    received: &Received,
    down: &D,
    record: &mut Record,
) -> Result<Decided, Undecided> {
    let policy = scene.policy().map_err(Undecided::Bug)?;
    let hir = policy.hir();
    let requested = received.seen.model();
    let alias = requested.and_then(|model| policy.alias(model));
    let body = BodyFacts::new(dialect, &received.body, &received.seen, alias.map(|a| &**a));
    let mut facts = scene.facts(down, Some(body));
    let plan = ask(policy, &mut facts)?;
    let model = match (&plan.shape.model, alias, requested) {
        (Some(set), _, _) => Some(Arc::clone(&set.value)),
        (None, Some(alias), _) => Some(Arc::clone(alias)),
        (None, None, Some(requested)) => Some(Arc::from(requested)),
        (None, None, None) => None,
    };
    let route = match &plan.terminal.value {
        Terminal::Route(route) => Some(Arc::clone(route)),
        Terminal::Split(split) => {
            let key = match split.by {
                Some(id) => read(&mut facts, hir, id)?,
                None => None,
            };
            let branch = share::branch(split, key.as_deref().unwrap_or_else(|| record.id()));
            Some(Arc::clone(branch.ok_or(Undecided::Bug(Bug("a split without branches")))?))
        }
        Terminal::Deny { .. } | Terminal::Respond { .. } => None,
    };
    let hashes = if route.is_some() { hashes(&mut facts, hir)? } else { Hashes::new() };
    record.decided(&plan, model.clone());
    Ok(Decided { plan, route, model, hashes })
}

/// Judges a request by its head: every field of the body is absent.
pub(crate) fn head_only<D: Downstream, N: Dial>(
    scene: &Scene<'_, N>,
    down: &D,
    record: &mut Record,
) -> Result<Arc<Plan>, Undecided> {
    let policy = scene.policy().map_err(Undecided::Bug)?;
    let plan = ask(policy, &mut scene.facts(down, None))?;
    record.decided(&plan, None);
    Ok(plan)
}

/// Asks the policy, paying for the body only when a rule that is reached reads it.
fn ask(policy: &CompiledPolicy, facts: &mut RequestFacts<'_>) -> Result<Arc<Plan>, Undecided> {
    MEMORY.with(|memory| {
        let busy = Undecided::Bug(Bug("a decision inside a decision"));
        let mut memory = memory.try_borrow_mut().map_err(|_| busy)?;
        // The worker's last request left its decision behind.
        memory.reset();
        loop {
            match policy.step(&mut memory, facts) {
                Deciding::Decided(plan) => return Ok(plan),
                Deciding::Need(Tier::Body | Tier::Tokens) => {
                    facts.open().map_err(Undecided::Ambiguous)?;
                }
                Deciding::Need(Tier::Head | Tier::Peek | Tier::Classifier) => {
                    return Err(Undecided::Bug(Bug("a policy needs a tier that this build does not have")));
                }
            }
        }
    })
}

/// A field as text, its tier paid for.
fn read(facts: &mut RequestFacts<'_>, hir: &Hir, id: FieldId) -> Result<Option<String>, Undecided> {
    if !facts.ready(RequestFacts::needs(hir, id)) {
        facts.open().map_err(Undecided::Ambiguous)?;
    }
    Ok(facts.text_of(hir, id))
}

/// The keys of every pool that balances by a field; most policies have none.
fn hashes(facts: &mut RequestFacts<'_>, hir: &Hir) -> Result<Hashes, Undecided> {
    let mut hashes = Hashes::new();
    for pool in &hir.pools {
        if let Balance::Hash(field, bytes) = pool.balance
            && let Some(value) = read(facts, hir, field)?
        {
            hashes.push(((field, bytes), pool::hash_of(value.as_bytes(), bytes)));
        }
    }
    Ok(hashes)
}

/// The route of a plan that was judged by its head, with the request id as a split's key.
pub(crate) fn route_of(plan: &Plan, id: &str) -> Option<Arc<Route>> {
    match &plan.terminal.value {
        Terminal::Route(route) => Some(Arc::clone(route)),
        Terminal::Split(split) => share::branch(split, id).map(Arc::clone),
        Terminal::Deny { .. } | Terminal::Respond { .. } => None,
    }
}
