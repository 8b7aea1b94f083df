//! The body of `GET /v1/models`: the models of the policy's endpoints and their aliases.
//!
//! One body for both client families: OpenAI's list (`object`, `data[].object`, `created`, `owned_by`; API
//! reference "List models") and Anthropic's (`data[].type`, `display_name`, `created_at`, `has_more`,
//! `first_id`, `last_id`; API reference "List Models") share `data` and `id` and do not contradict each other.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde::Serialize;
use weir_dsl::hir::Hir;

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Model<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    object: &'static str,
    r#type: &'static str,
    created: u64,
    created_at: &'static str,
    owned_by: &'a str,
    display_name: &'a str,
}

/// Renders the list: models in the order of their declaration, then aliases, each name once.
pub(crate) fn list(hir: &Hir) -> Bytes {
    let mut seen = BTreeSet::new();
    let served = hir.endpoints.iter().flat_map(|e| e.models.iter().map(|m| (&*m.public, &*e.provider)));
    let aliases = hir.aliases.iter().map(|alias| (&*alias.name, "weir"));
    let data: Vec<_> = served
        .chain(aliases)
        .filter(|(id, _)| seen.insert(*id))
        .map(|(id, owned_by)| Model {
            id,
            object: "model",
            r#type: "model",
            // Both vendors allow the epoch for a date that is not known.
            created: 0,
            created_at: "1970-01-01T00:00:00Z",
            owned_by,
            display_name: id,
        })
        .collect();
    let (first_id, last_id) = (data.first().map(|m| m.id), data.last().map(|m| m.id));
    // Only texts, numbers and lists: serialising them into memory cannot fail.
    serde_json::to_vec(&List { object: "list", first_id, last_id, has_more: false, data }).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use weir_dsl::hir::Alias;
    use weir_dsl::span::Span;

    use super::*;

    #[test]
    fn aliases_are_models_too_and_names_come_once() {
        let alias = |name: &str| Alias { name: name.into(), target: "x".into(), span: Span::default() };
        let hir = Hir { aliases: vec![alias("fast"), alias("smart"), alias("fast")], ..Hir::default() };
        let list: serde_json::Value = serde_json::from_slice(&list(&hir)).unwrap();
        let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|m| m["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["fast", "smart"]);
        assert_eq!((&list["first_id"], &list["last_id"]), (&"fast".into(), &"smart".into()));
        assert_eq!(list["data"][0]["object"], "model");
    }

    #[test]
    fn an_empty_list_is_a_list() {
        let list: serde_json::Value = serde_json::from_slice(&list(&Hir::default())).unwrap();
        assert_eq!(list["data"], serde_json::json!([]));
        assert_eq!(list["first_id"], serde_json::Value::Null);
    }
}
