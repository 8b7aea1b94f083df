//! Actions: what a rule does. The stage says when the proxy does it, wherever it is written.

use super::{Place, Refers, Shape, Word, key, pos, word};

/// The rows.
pub(crate) const WORDS: &[Word] = &[
    word(
        Place::Actions,
        "require",
        "one of these must know the client, or the answer is 401",
        "require any [sso, keys]",
    )
    .args(&[pos(Shape::Any), pos(Shape::Any).optional()])
    .stage(1)
    .later(),
    word(Place::Actions, "deny", "refuses with a status and a message", "deny 404 \"unknown model\"")
        .args(&[pos(Shape::Status), pos(Shape::Text)])
        .stage(2)
        .terminal(),
    word(Place::Actions, "respond", "answers without asking a model", "respond 200 text \"pong\"")
        .args(&[pos(Shape::Status), pos(Shape::Choice(&["json", "text"])), pos(Shape::Text)])
        .stage(2)
        .terminal(),
    word(Place::Actions, "limit", "counts the request against a limit", "limit team-rate")
        .args(&[pos(Shape::Ref(Refers::Limit))])
        .stage(3)
        .later(),
    word(Place::Actions, "budget", "counts the request against a budget", "budget team-month")
        .args(&[pos(Shape::Ref(Refers::Budget))])
        .stage(3)
        .later(),
    word(Place::Actions, "redact", "takes personal data out before anything is sent or kept", "redact personal")
        .args(&[pos(Shape::Any), key("mode", Shape::Choice(super::kinds::REDACTION_MODES))])
        .stage(4)
        .later(),
    word(
        Place::Actions,
        "set",
        "writes `model`, a `param.` or a `header.` of the request",
        "set param.temperature 0.2",
    )
    .args(&[pos(Shape::Field), pos(Shape::Value)])
    .stage(5),
    word(Place::Actions, "remove", "takes a header out of the request", "remove header.x-debug")
        .args(&[pos(Shape::Field)])
        .stage(5),
    word(Place::Actions, "cap", "lowers a number of the request to at most this", "cap param.max_tokens 2048")
        .args(&[pos(Shape::Field), pos(Shape::Int)])
        .stage(5),
    word(
        Place::Actions,
        "inject",
        "puts a system text in front of the conversation",
        "inject system \"answer in one sentence\"",
    )
    .args(&[pos(Shape::Choice(&["system"])), pos(Shape::Text).optional(), key("from", Shape::File)])
    .stage(5),
    word(Place::Actions, "cache", "uses an answer again, or `off`", "cache answers")
        .args(&[pos(Shape::Any)])
        .stage(6)
        .later(),
    word(
        Place::Actions,
        "route",
        "sends the request to a pool; the block says what happens when that fails",
        "route spare { timeout total 30s; fallback other on [timeout, 5xx] }",
    )
    .args(&[pos(Shape::Ref(Refers::Pool)), key("as", Shape::Text), key("else", Shape::Ref(Refers::Pool))])
    .body_optional(Place::Route)
    .stage(7)
    .terminal(),
    word(
        Place::Actions,
        "split",
        "sends shares of the requests to several pools, always the same for one key",
        "split by client.user { to spare 95%; to other 5% as \"gpt-next\" }",
    )
    .args(&[key("by", Shape::Field)])
    .body(Place::Split)
    .stage(7)
    .terminal(),
    word(Place::Actions, "mirror", "sends a copy of some requests; its answers are dropped", "mirror spare 2%")
        .args(&[pos(Shape::Ref(Refers::Pool)), pos(Shape::Percent), key("as", Shape::Text)])
        .stage(7)
        .later(),
    word(Place::Actions, "log", "how much is recorded", "log meta sample 10%")
        .args(&[pos(Shape::Choice(&["off", "meta", "full"])), key("sample", Shape::Percent)])
        .stage(9),
    word(Place::Actions, "tag", "a label for logs and metrics", "tag lane \"code\"")
        .args(&[pos(Shape::Name), pos(Shape::Text)])
        .stage(9),
    word(Place::Actions, "use", "takes in the actions of a bundle", "use seen")
        .args(&[pos(Shape::Ref(Refers::Bundle))])
        .repeats(),
];
