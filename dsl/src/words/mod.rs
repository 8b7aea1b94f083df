//! The vocabulary: every word of the language as data.
//!
//! One table row says where a word may stand, what stands behind it, what it means and whether this build can run
//! it. The checker, the generated pages ([`docs`]), completion and "did you mean" all read these rows, so they
//! cannot disagree. The grammar knows no words and this module knows no syntax trees.
//!
//! To add a word: add a row. To let this build run a word that it only knows: take `.later()` off its row and teach
//! `check` to lower it.

pub mod actions;
pub mod declarations;
pub mod docs;
pub mod fields;
pub mod kinds;
pub mod later;
pub mod settings;
pub mod testing;

/// Whether this build can run what a word asks for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Availability {
    /// It works.
    Now,
    /// It is part of the language; this build refuses it with `E0210`, never ignores it.
    Later,
}

/// Where a statement stands.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Place {
    /// Top level of a file.
    Top,
    /// `endpoint N { … }`
    Endpoint,
    /// `model "m" { … }` of an endpoint
    Model,
    /// `pool N { … }`
    Pool,
    /// `policy N { … }`
    Policy,
    /// `rule`, `apply`, `default`, `bundle`
    Actions,
    /// `route P { … }`
    Route,
    /// `split { … }`
    Split,
    /// `table N { … }`
    Table,
    /// `schedule N { … }`
    Schedule,
    /// `auth N { … }`
    Auth,
    /// `limit N { … }`
    Limit,
    /// `budget N { … }`
    Budget,
    /// `redaction N { … }`
    Redaction,
    /// `cache N { … }`
    Cache,
    /// `classifier N { … }`
    Classifier,
    /// `delegate N { … }`
    Delegate,
    /// `overlay ENV { … }`
    Overlay,
    /// `test "…" { … }`
    Test,
    /// `case "…" { … }`
    Case,
    /// `given { … }`
    Given,
    /// `expect { … }`
    Expect,
}

/// What one argument is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shape {
    /// A new name.
    Name,
    /// The name of something declared elsewhere.
    Ref(Refers),
    /// A field of the request.
    Field,
    /// `"text"`.
    Text,
    /// A whole number: `3`, `128k`.
    Int,
    /// Bytes: `64KiB`, `1k`.
    Size,
    /// A length of time: `250ms`.
    Duration,
    /// `100ms..2s`.
    Durations,
    /// `95%`.
    Percent,
    /// `$2.50`.
    Money,
    /// An HTTP status: `404`.
    Status,
    /// One of a closed set of words.
    Choice(&'static [&'static str]),
    /// `[5xx, timeout]`.
    Classes,
    /// `[word, word]`.
    Words,
    /// `secret("env:NAME")`.
    Secret,
    /// `"text"` or `secret("…")`.
    TextOrSecret,
    /// A file by its path, with an optional `file:` in front.
    File,
    /// A header's name.
    Header,
    /// Any single value.
    Value,
    /// Whatever stands there; its own checker arrives with the word.
    Any,
}

/// What a name refers to.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Refers {
    /// An `endpoint`.
    Endpoint,
    /// A `pool`, or an `endpoint` where a pool is expected.
    Pool,
    /// A `list`, `table` or `schedule`: the right side of `in`.
    Set,
    /// A `let`.
    Condition,
    /// A `bundle`.
    Bundle,
    /// A `policy`.
    Policy,
    /// An `auth`.
    Auth,
    /// A `limit`.
    Limit,
    /// A `budget`.
    Budget,
    /// A `redaction`.
    Redaction,
    /// A `cache`.
    Cache,
    /// A `classifier`.
    Classifier,
    /// A `delegate`.
    Delegate,
    /// An import alias.
    Import,
}

/// One argument of a word.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// The word in front of it; `None` for an argument known by its position.
    pub key: Option<&'static str>,
    /// What it is.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
    /// A word that follows it and only reads well: `after 5 errors`.
    pub noise: Option<&'static str>,
}

/// What stands behind `=`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Assigned {
    /// Nothing.
    No,
    /// A condition.
    Condition,
    /// A list, unless it comes `from` a file.
    List,
    /// A text.
    Text,
}

/// Whether `{ … }` follows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Body {
    /// Never.
    No,
    /// It may.
    Optional(Place),
    /// It must.
    Required(Place),
}

/// One row of the vocabulary: one word at one place.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// The word.
    pub name: &'static str,
    /// Where it may stand.
    pub place: Place,
    /// What follows it.
    pub args: &'static [Arg],
    /// What stands behind `=`.
    pub assigned: Assigned,
    /// Whether `when` may follow.
    pub when: bool,
    /// Whether a block follows.
    pub body: Body,
    /// Whether its place needs it.
    pub required: bool,
    /// Whether it may stand there more than once.
    pub repeats: bool,
    /// Whether this build runs it.
    pub availability: Availability,
    /// Stage in which the proxy runs an action (`language.md` §8).
    pub stage: Option<u8>,
    /// Whether the action decides what happens with the request.
    pub terminal: bool,
    /// One line.
    pub doc: &'static str,
    /// A statement as it stands in a policy.
    pub example: &'static str,
}

/// Every row, in the order of the manual.
pub fn all() -> impl Iterator<Item = &'static Word> {
    [declarations::WORDS, settings::WORDS, actions::WORDS, later::WORDS, testing::WORDS].into_iter().flatten()
}

/// The words that may stand at a place, in the order of the manual.
pub fn at(place: Place) -> impl Iterator<Item = &'static Word> {
    all().filter(move |w| w.place == place)
}

/// The row of a word at a place.
#[must_use]
pub fn find(place: Place, name: &str) -> Option<&'static Word> {
    at(place).find(|w| w.name == name)
}

/// A row to be refined by the methods below.
pub(crate) const fn word(place: Place, name: &'static str, doc: &'static str, example: &'static str) -> Word {
    Word {
        name,
        place,
        args: &[],
        assigned: Assigned::No,
        when: false,
        body: Body::No,
        required: false,
        repeats: false,
        availability: Availability::Now,
        stage: None,
        terminal: false,
        doc,
        example,
    }
}

/// A required argument known by its position.
pub(crate) const fn pos(shape: Shape) -> Arg {
    Arg { key: None, shape, required: true, noise: None }
}

/// An argument behind a word of its own; optional.
pub(crate) const fn key(key: &'static str, shape: Shape) -> Arg {
    Arg { key: Some(key), shape, required: false, noise: None }
}

// === impl Word ===

impl Word {
    pub(crate) const fn args(mut self, args: &'static [Arg]) -> Self {
        self.args = args;
        self
    }

    pub(crate) const fn assigned(mut self, assigned: Assigned) -> Self {
        self.assigned = assigned;
        self
    }

    pub(crate) const fn when(mut self) -> Self {
        self.when = true;
        self
    }

    pub(crate) const fn body(mut self, place: Place) -> Self {
        self.body = Body::Required(place);
        self
    }

    pub(crate) const fn body_optional(mut self, place: Place) -> Self {
        self.body = Body::Optional(place);
        self
    }

    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    pub(crate) const fn later(mut self) -> Self {
        self.availability = Availability::Later;
        self
    }

    pub(crate) const fn stage(mut self, stage: u8) -> Self {
        self.stage = Some(stage);
        self.repeats = true;
        self
    }

    pub(crate) const fn terminal(mut self) -> Self {
        self.terminal = true;
        self
    }
}

// === impl Arg ===

impl Arg {
    pub(crate) const fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    pub(crate) const fn needed(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) const fn noise(mut self, word: &'static str) -> Self {
        self.noise = Some(word);
        self
    }
}

// === impl Place ===

impl Place {
    /// What a statement at this place is called in messages.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Top => "declaration",
            Self::Policy => "statement of a policy",
            Self::Actions => "action",
            Self::Given | Self::Expect | Self::Test | Self::Case => "statement of a test",
            Self::Endpoint
            | Self::Model
            | Self::Pool
            | Self::Route
            | Self::Split
            | Self::Table
            | Self::Schedule
            | Self::Auth
            | Self::Limit
            | Self::Budget
            | Self::Redaction
            | Self::Cache
            | Self::Classifier
            | Self::Delegate
            | Self::Overlay => "setting",
        }
    }

    /// The word that opens this place: `endpoint`; empty at the top of a file.
    #[must_use]
    pub const fn opener(self) -> &'static str {
        match self {
            Self::Top => "",
            Self::Endpoint => "endpoint",
            Self::Model => "model",
            Self::Pool => "pool",
            Self::Policy => "policy",
            Self::Actions => "rule",
            Self::Route => "route",
            Self::Split => "split",
            Self::Table => "table",
            Self::Schedule => "schedule",
            Self::Auth => "auth",
            Self::Limit => "limit",
            Self::Budget => "budget",
            Self::Redaction => "redaction",
            Self::Cache => "cache",
            Self::Classifier => "classifier",
            Self::Delegate => "delegate",
            Self::Overlay => "overlay",
            Self::Test => "test",
            Self::Case => "case",
            Self::Given => "given",
            Self::Expect => "expect",
        }
    }
}

// === impl Refers ===

impl Refers {
    /// What it is called in messages: "no pool or endpoint is named …".
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Pool => "pool or endpoint",
            Self::Set => "list",
            Self::Condition => "`let`",
            Self::Bundle => "bundle",
            Self::Policy => "policy",
            Self::Auth => "auth",
            Self::Limit => "limit",
            Self::Budget => "budget",
            Self::Redaction => "redaction",
            Self::Cache => "cache",
            Self::Classifier => "classifier",
            Self::Delegate => "delegate",
            Self::Import => "import",
        }
    }
}

// === impl Shape ===

impl Shape {
    /// How the manual writes it.
    #[must_use]
    pub fn sketch(self) -> String {
        match self {
            Self::Name => "NAME".into(),
            Self::Ref(to) => match to {
                Refers::Pool => "POOL".into(),
                Refers::Endpoint
                | Refers::Set
                | Refers::Condition
                | Refers::Bundle
                | Refers::Policy
                | Refers::Auth
                | Refers::Limit
                | Refers::Budget
                | Refers::Redaction
                | Refers::Cache
                | Refers::Classifier
                | Refers::Delegate
                | Refers::Import => to.noun().to_uppercase().replace('`', ""),
            },
            Self::Field => "FIELD".into(),
            Self::Text => "\"TEXT\"".into(),
            Self::Int => "N".into(),
            Self::Size => "BYTES".into(),
            Self::Duration => "TIME".into(),
            Self::Durations => "TIME..TIME".into(),
            Self::Percent => "N%".into(),
            Self::Money => "$N".into(),
            Self::Status => "STATUS".into(),
            Self::Choice(words) => words.join("|"),
            Self::Classes => "[CLASS, …]".into(),
            Self::Words => "[WORD, …]".into(),
            Self::Secret => "secret(\"…\")".into(),
            Self::TextOrSecret => "\"TEXT\"|secret(\"…\")".into(),
            Self::File => "\"FILE\"".into(),
            Self::Header => "HEADER".into(),
            Self::Value => "VALUE".into(),
            Self::Any => "…".into(),
        }
    }
}
