//! Distinct fields, tests and literal lists, each kept once.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::hir::{Atom, AtomId, Constant, Field, FieldId, Hir, ListId, ListItems, ListSet, OrderOp, Test};
use crate::span::Span;

/// Fields, atoms and lists of a compilation.
#[derive(Debug, Default)]
pub(super) struct Interner {
    pub(super) fields: Vec<Field>,
    pub(super) atoms: Vec<Atom>,
    pub(super) lists: Vec<ListSet>,
    field_ids: HashMap<Field, FieldId>,
    atom_ids: HashMap<(FieldId, String), AtomId>,
    list_ids: HashMap<String, ListId>,
}

// === impl Interner ===

impl Interner {
    /// Moves everything into the policy.
    pub(super) fn finish(self, hir: &mut Hir) {
        hir.fields = self.fields;
        hir.atoms = self.atoms;
        hir.lists = self.lists;
    }

    /// How much there is now, for [`Self::rewind`].
    pub(super) fn mark(&self) -> (usize, usize) {
        (self.fields.len(), self.atoms.len())
    }

    /// Forgets what came after a mark. Nothing is interned afterwards: ids of what is gone stay in the maps.
    pub(super) fn rewind(&mut self, (fields, atoms): (usize, usize)) {
        self.fields.truncate(fields);
        self.atoms.truncate(atoms);
    }

    pub(super) fn field(&mut self, field: Field) -> FieldId {
        if let Some(id) = self.field_ids.get(&field) {
            return *id;
        }
        let id = FieldId(next(self.fields.len()));
        self.fields.push(field.clone());
        self.field_ids.insert(field, id);
        id
    }

    /// `text` is asked for only when the test is new.
    pub(super) fn atom(&mut self, field: FieldId, test: Test, span: Span, text: impl FnOnce() -> Arc<str>) -> AtomId {
        let key = (field, test_key(&test));
        if let Some(id) = self.atom_ids.get(&key) {
            return *id;
        }
        let id = AtomId(next(self.atoms.len()));
        self.atoms.push(Atom { field, test, span, text: text() });
        self.atom_ids.insert(key, id);
        id
    }

    /// A declared list: never shared, it has a name.
    pub(super) fn named_list(&mut self, name: Arc<str>, items: ListItems, span: Span) -> ListId {
        let id = ListId(next(self.lists.len()));
        self.lists.push(ListSet { name: Some(name), items, span });
        id
    }

    /// A literal list: equal ones are one.
    pub(super) fn literal_list(&mut self, items: ListItems, span: Span) -> ListId {
        let key = format!("{items:?}");
        if let Some(id) = self.list_ids.get(&key) {
            return *id;
        }
        let id = ListId(next(self.lists.len()));
        self.lists.push(ListSet { name: None, items, span });
        self.list_ids.insert(key, id);
        id
    }

    pub(super) fn field_of(&self, id: FieldId) -> Option<&Field> {
        usize::try_from(id.0).ok().and_then(|i| self.fields.get(i))
    }

    pub(super) fn atom_of(&self, id: AtomId) -> Option<&Atom> {
        usize::try_from(id.0).ok().and_then(|i| self.atoms.get(i))
    }

    pub(super) fn list_of(&self, id: ListId) -> Option<&ListSet> {
        usize::try_from(id.0).ok().and_then(|i| self.lists.get(i))
    }
}

/// Counts stay far below: atoms are bounded by rules times atoms in a condition.
fn next(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// A text that is equal for equal tests: floats have no `Hash`.
fn test_key(test: &Test) -> String {
    let mut key = String::with_capacity(24);
    let _ = match test {
        Test::Present => write!(key, "?"),
        Test::IsTrue => write!(key, "!"),
        Test::Eq(constant) => write!(key, "={}", constant_key(constant)),
        Test::Order(op, constant) => write!(key, "{}{}", order_key(*op), constant_key(constant)),
        Test::Within(from, to) => write!(key, "..{}..{}", constant_key(from), constant_key(to)),
        Test::In(list) => write!(key, "in{}", list.0),
        Test::Like(glob) => write!(key, "~{glob}"),
        Test::Matches(regex) => write!(key, "/{regex}"),
        Test::StartsWith(texts) => write!(key, "^{texts:?}"),
        Test::EndsWith(texts) => write!(key, "${texts:?}"),
        Test::ContainsText(texts) => write!(key, "*{texts:?}"),
        Test::ContainsAllText(texts) => write!(key, "&{texts:?}"),
        Test::HasAny(constants) => write!(key, "@{constants:?}"),
        Test::HasAll(constants) => write!(key, "%{constants:?}"),
    };
    key
}

fn order_key(op: OrderOp) -> &'static str {
    match op {
        OrderOp::Lt => "<",
        OrderOp::Le => "<=",
        OrderOp::Gt => ">",
        OrderOp::Ge => ">=",
    }
}

fn constant_key(constant: &Constant) -> String {
    match constant {
        Constant::Bool(v) => format!("b{v}"),
        Constant::Int(v) => format!("i{v}"),
        Constant::Float(v) => format!("f{}", v.to_bits()),
        Constant::Text(v) => format!("t{v}"),
        Constant::Ip(v) => format!("a{v}"),
        Constant::Clock(v) => format!("c{v}"),
        Constant::Weekday(v) => format!("w{v}"),
    }
}
