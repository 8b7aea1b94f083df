//! Words at the top of a file, and the statements of a policy.

use super::{Assigned, Place, Refers, Shape, Word, key, pos, word};

/// The rows.
pub(crate) const WORDS: &[Word] = &[
    word(Place::Top, "weir", "the edition of the language; first statement of every file", "weir 1")
        .args(&[pos(Shape::Int)]),
    word(Place::Top, "endpoint", "a provider with its URL, models and credential", "endpoint local { provider sim }")
        .args(&[pos(Shape::Name)])
        .body(Place::Endpoint)
        .repeats(),
    word(
        Place::Top,
        "pool",
        "endpoints that serve one purpose, and how one of them is chosen",
        "pool chat { member spare; member other }",
    )
    .args(&[pos(Shape::Name)])
    .body(Place::Pool)
    .repeats(),
    word(Place::Top, "alias", "a public model name that stands for another one", "alias \"default\" = \"gpt-4o\"")
        .args(&[pos(Shape::Text)])
        .assigned(Assigned::Text)
        .repeats(),
    word(
        Place::Top,
        "list",
        "a named set for `in` and `contains any`",
        "list corp_nets = [10.0.0.0/8, 2001:db8::/32]",
    )
    .args(&[pos(Shape::Name), key("of", Shape::Choice(super::kinds::LIST_TYPES)), key("from", Shape::File)])
    .assigned(Assigned::List)
    .repeats(),
    word(Place::Top, "let", "a named condition", "let big = header.x-size == \"big\"")
        .args(&[pos(Shape::Name)])
        .assigned(Assigned::Condition)
        .repeats(),
    word(
        Place::Top,
        "bundle",
        "named actions to be taken in with `use`",
        "bundle seen { tag seen \"yes\"; log meta }",
    )
    .args(&[pos(Shape::Name)])
    .body(Place::Actions)
    .repeats(),
    word(
        Place::Top,
        "policy",
        "the rules, read from top to bottom",
        "policy other { default { deny 404 \"nothing here\" } }",
    )
    .args(&[pos(Shape::Name)])
    .body(Place::Policy)
    .repeats(),
    word(
        Place::Policy,
        "apply",
        "adds its actions and goes on; adds always without `when`",
        "apply when header.x-debug is present { log full }",
    )
    .when()
    .body(Place::Actions)
    .repeats(),
    word(
        Place::Policy,
        "rule",
        "decides when its condition holds; the first rule that holds wins",
        "rule by-path when path starts_with \"/v1/\" { route spare }",
    )
    .args(&[pos(Shape::Name)])
    .when()
    .body(Place::Actions)
    .repeats(),
    word(Place::Policy, "enter", "visits a team's policy at this place", "enter payments")
        .args(&[pos(Shape::Ref(Refers::Delegate))])
        .repeats()
        .later(),
    word(Place::Policy, "default", "decides when no rule did; the last statement", "default { route spare }")
        .body(Place::Actions)
        .required(),
    word(Place::Top, "team", "the team that owns a delegated file", "team payments")
        .args(&[pos(Shape::Name)])
        .later(),
    word(Place::Top, "import", "names of another file under an alias", "import \"models.weir\" as m")
        .args(&[pos(Shape::File), key("as", Shape::Name).needed()])
        .repeats()
        .later(),
    word(
        Place::Top,
        "table",
        "typed rows of a csv file, looked up by key",
        "table tenants from \"tenants.csv\" { key tenant string; column tier string }",
    )
    .args(&[pos(Shape::Name), key("from", Shape::File).needed()])
    .body(Place::Table)
    .repeats()
    .later(),
    word(
        Place::Top,
        "schedule",
        "opening hours for `time in`",
        "schedule office { zone \"Europe/Madrid\"; open mon..fri 08:00..18:30 }",
    )
    .args(&[pos(Shape::Name)])
    .body(Place::Schedule)
    .repeats()
    .later(),
    word(
        Place::Top,
        "auth",
        "how `client.*` is filled; refuses nobody by itself",
        "auth keys { virtual_keys secret(\"env:KEYS\") }",
    )
    .args(&[pos(Shape::Name)])
    .body(Place::Auth)
    .repeats()
    .later(),
    word(
        Place::Top,
        "limit",
        "a rate of requests or tokens for each value of a field",
        "limit team-rate { by client.team; rate 600 requests per 1m }",
    )
    .args(&[pos(Shape::Name)])
    .body(Place::Limit)
    .repeats()
    .later(),
    word(
        Place::Top,
        "budget",
        "money to be spent in a period for each value of a field",
        "budget team-month { by client.team; spend $4000 per month }",
    )
    .args(&[pos(Shape::Name)])
    .body(Place::Budget)
    .repeats()
    .later(),
    word(
        Place::Top,
        "redaction",
        "what personal data to find and what to do with it",
        "redaction base { find [email, phone]; mode token }",
    )
    .args(&[pos(Shape::Name)])
    .body(Place::Redaction)
    .repeats()
    .later(),
    word(
        Place::Top,
        "cache",
        "answers to be used again",
        "cache answers { kind exact; ttl 10m; key [model, prompt.all] }",
    )
    .args(&[pos(Shape::Name)])
    .body(Place::Cache)
    .repeats()
    .later(),
    word(
        Place::Top,
        "classifier",
        "a small model that puts a label on the prompt",
        "classifier intent { builtin; input prompt.last; otherwise \"chat\" }",
    )
    .args(&[pos(Shape::Name)])
    .body(Place::Classifier)
    .repeats()
    .later(),
    word(
        Place::Top,
        "delegate",
        "a team's own file, for its own slice of requests",
        "delegate payments from \"payments.weir\" when client.team == \"payments\" { may [route]; use [m.chat] }",
    )
    .args(&[pos(Shape::Name), key("from", Shape::File).needed()])
    .when()
    .body(Place::Delegate)
    .repeats()
    .later(),
    word(
        Place::Top,
        "overlay",
        "other settings for one environment",
        "overlay staging { limit team-rate { rate 60 requests per 1m } }",
    )
    .args(&[pos(Shape::Name)])
    .body(Place::Overlay)
    .repeats()
    .later(),
    word(
        Place::Top,
        "test",
        "a request and what must happen with it",
        "test \"unknown paths\" { given { path \"/x\" }; expect { deny 404 } }",
    )
    .args(&[pos(Shape::Text)])
    .body(Place::Test)
    .repeats()
    .later(),
];
