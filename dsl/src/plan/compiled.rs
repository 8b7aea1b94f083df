//! A policy that is ready to be asked: its rule tree, the set it belongs to, and its finished plans.

use std::collections::HashMap;
use std::sync::Arc;

use crate::facts::Facts;
use crate::hir::{ActionKind, Field, FieldId, Hir, PolicyStmt, PolicyStmtKind, Rank, Tier};
use crate::tree::{BuildError, Limits, RuleTree, Scratch, Step};

use super::merge::merge;
use super::{Plan, PlanCache};

/// Unconditional `apply` statements above a rule whose plan is merged at load.
const FINISHED_APPLIES_MAX: usize = 64;

/// Steps from an alias to the model it means in the end.
const ALIAS_STEPS_MAX: usize = 16;

/// One policy of a set, compiled. Immutable, shared by all workers.
#[derive(Debug)]
pub struct CompiledPolicy {
    hir: Arc<Hir>,
    policy: usize,
    tree: RuleTree,
    /// By rank: the plan, where no conditional `apply` stands above the deciding statement.
    finished: Box<[Option<Arc<Plan>>]>,
    /// Alias to what it means in the end.
    aliases: HashMap<Arc<str>, Arc<str>, foldhash::fast::RandomState>,
}

/// The memory of one evaluation at a time, with the plans merged so far. Kept by a worker and reused.
#[derive(Debug, Default)]
pub struct Evaluation {
    scratch: Scratch,
    plans: PlanCache,
}

/// What came of an evaluation so far.
#[derive(Clone, Debug)]
#[must_use]
pub enum Deciding {
    /// The policy has spoken.
    Decided(Arc<Plan>),
    /// Pay for this tier, make [`Facts::ready`] true for it, and ask again.
    Need(Tier),
}

// === impl CompiledPolicy ===

impl CompiledPolicy {
    /// Compiles one policy of a set; `policy` is its index in [`Hir::policies`].
    ///
    /// # Errors
    /// As [`RuleTree::build`].
    pub fn build(hir: Arc<Hir>, policy: usize, limits: &Limits) -> Result<Self, BuildError> {
        let tree = RuleTree::build(&hir, policy, limits)?;
        let stmts = hir.policies.get(policy).map_or(&[][..], |policy| &policy.stmts);
        let finished = finish(tree.name(), stmts, &tree);
        let aliases = aliases(&hir);
        Ok(Self { hir, policy, tree, finished, aliases })
    }

    /// The set this policy belongs to: endpoints and pools by id.
    #[must_use]
    pub fn hir(&self) -> &Arc<Hir> {
        &self.hir
    }

    /// The policy's name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        self.tree.name()
    }

    /// The rules alone.
    #[must_use]
    pub fn tree(&self) -> &RuleTree {
        &self.tree
    }

    /// What a model name stands for: `None` when it is no alias.
    #[must_use]
    pub fn alias(&self, model: &str) -> Option<&Arc<str>> {
        self.aliases.get(model)
    }

    /// The fields that conditions and splits of this policy read: what has to be gathered, and nothing else. A
    /// field may come twice.
    pub fn fields(&self) -> impl Iterator<Item = (FieldId, &Field)> {
        let actions = self.stmts().iter().flat_map(|stmt| &stmt.actions);
        let keys =
            actions.filter_map(|action| if let ActionKind::Split(split) = &action.kind { split.by } else { None });
        let keys = keys.filter_map(|id| Some((id, self.hir.fields.get(usize::try_from(id.0).ok()?)?)));
        self.tree.fields().chain(keys)
    }

    /// Goes on with the evaluation in `memory`, or begins one, until there is a plan or a tier is needed.
    pub fn step(&self, memory: &mut Evaluation, facts: &dyn Facts) -> Deciding {
        let decision = match self.tree.step(&mut memory.scratch, facts) {
            Step::Decided(decision) => decision,
            Step::Need(tier) => return Deciding::Need(tier),
        };
        let finished = usize::try_from(decision.deciding.0).ok().and_then(|rank| self.finished.get(rank));
        if let Some(Some(plan)) = finished {
            return Deciding::Decided(Arc::clone(plan));
        }
        let plan = memory.plans.plan(self.tree.id(), decision.deciding, decision.applied, || {
            self.plan(decision.deciding, decision.applied)
        });
        Deciding::Decided(plan)
    }

    /// Merges the actions of these statements. [`CompiledPolicy::step`] shares the plans it made before.
    #[must_use]
    pub fn plan(&self, deciding: Rank, applied: &[Rank]) -> Plan {
        merge(self.name(), self.stmts(), deciding, applied)
    }

    fn stmts(&self) -> &[PolicyStmt] {
        self.hir.policies.get(self.policy).map_or(&[], |policy| &policy.stmts)
    }
}

/// Merges the plans of the statements that decide above the first conditional `apply`: it is known what else
/// holds there. The others are merged when they are first met.
fn finish(name: &Arc<str>, stmts: &[PolicyStmt], tree: &RuleTree) -> Box<[Option<Arc<Plan>>]> {
    let mut applied = Vec::new();
    let mut plans = Vec::new();
    for (rank, stmt) in (0..).map(Rank).zip(stmts) {
        let decides = stmt.kind != PolicyStmtKind::Apply;
        match tree.constant(rank) {
            Some(true) if !decides => applied.push(rank),
            None if !decides => break,
            Some(_) | None => {}
        }
        if applied.len() > FINISHED_APPLIES_MAX {
            break;
        }
        plans.push(decides.then(|| Arc::new(merge(name, stmts, rank, &applied))));
    }
    plans.into()
}

/// Follows aliases of aliases to their end; in a circle, to the last name before it closes.
fn aliases(hir: &Hir) -> HashMap<Arc<str>, Arc<str>, foldhash::fast::RandomState> {
    let direct: HashMap<&str, &Arc<str>> = hir.aliases.iter().map(|alias| (&*alias.name, &alias.target)).collect();
    let mut resolved = HashMap::default();
    for alias in &hir.aliases {
        let mut end = &alias.target;
        for _ in 0..ALIAS_STEPS_MAX {
            match direct.get(&**end) {
                Some(next) if **next != alias.name => end = next,
                Some(_) | None => break,
            }
        }
        resolved.insert(Arc::clone(&alias.name), Arc::clone(end));
    }
    resolved
}

// === impl Evaluation ===

impl Evaluation {
    /// Memory that grows with the first evaluations.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the evaluation under way; the next `step` begins a new one. Plans are kept.
    pub fn reset(&mut self) {
        self.scratch.reset();
    }
}
