//! The OpenAPI document, and whether an answer is what it says.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use axum::http::Method;
use jsonschema::{Draft, Validator};
use serde_json::{Value, json};
use streamgauge_api::OPENAPI;

use crate::harness::Answer;

pub(crate) static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(OPENAPI).unwrap());

/// Panics unless the answer to a request is one that the document has.
pub(crate) fn check(method: &Method, path: &str, answer: &Answer) {
    assert_eq!(
        answer.header("cache-control"),
        Some("no-store"),
        "{method} {path}"
    );
    let Some(template) = template(path) else {
        let is_refused = [401, 403, 404].contains(&answer.status.as_u16());
        assert!(is_refused, "{method} {path} is not in the document");
        check_schema(&reference("Problem"), &answer.json());
        return;
    };
    let response = response(&template, method, answer.status.as_u16())
        .unwrap_or_else(|| panic!("{method} {template} is not said to answer {}", answer.status));
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        let is_required = header["required"] == true;
        assert!(
            !is_required || answer.headers.contains_key(name),
            "{method} {path} without {name}"
        );
    }
    let Some(content) = response.get("content").and_then(Value::as_object) else {
        assert!(answer.body.is_empty(), "{method} {path}: {}", answer.text());
        return;
    };
    let kind = answer.header("content-type").unwrap();
    let said = content
        .get(kind)
        .unwrap_or_else(|| panic!("{method} {path} is not said to answer with {kind}"));
    if kind != "text/event-stream" {
        check_schema(&said["schema"], &answer.json());
    }
}

/// Panics unless the data of a server-sent event is what the document says.
pub(crate) fn check_event(kind: &str, data: &Value) {
    let events = &DOCUMENT["paths"]["/api/v1/events"]["get"]["responses"]["200"]["x-events"];
    check_schema(
        events.get(kind).unwrap_or_else(|| panic!("no event {kind}")),
        data,
    );
}

pub(crate) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Those made so far, by schema: making one takes longer than any answer does.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

fn check_schema(schema: &Value, value: &Value) {
    let mut made = VALIDATORS.lock().unwrap();
    let validator = made
        .entry(schema.to_string())
        .or_insert_with(|| Arc::new(validator(schema)));
    let validator = Arc::clone(validator);
    drop(made);
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?} in {value:#}");
}

pub(crate) fn validator(schema: &Value) -> Validator {
    let mut whole = schema.clone();
    whole["components"] = DOCUMENT["components"].clone();
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(&whole)
        .unwrap()
}

/// The path of the document that a path is one of.
fn template(path: &str) -> Option<String> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    // Those without a parameter first: no parameter takes a slash, so no two others fit.
    let mut templates: Vec<&String> = paths.keys().collect();
    templates.sort_by_key(|template| template.contains('{'));
    templates
        .into_iter()
        .find(|template| fits(template, path))
        .cloned()
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template
            .zip(path)
            .all(|(said, segment)| said == segment || (said.starts_with('{') && !segment.is_empty()))
}

/// What an operation is said to answer under a status. A method that the path has not answers as its others do.
fn response(template: &str, method: &Method, status: u16) -> Option<Value> {
    let item = DOCUMENT["paths"][template].as_object().unwrap();
    let named = item.get(&method.as_str().to_lowercase());
    let operation = named.or_else(|| {
        item.iter()
            .find(|(key, _)| *key != "parameters")
            .map(|(_, item)| item)
    })?;
    assert!(
        named.is_some() || status != 200,
        "{method} {template} is not in the document"
    );
    let response = operation["responses"].get(status.to_string())?;
    match response.get("$ref").and_then(Value::as_str) {
        Some(reference) => DOCUMENT.pointer(reference.strip_prefix('#')?).cloned(),
        None => Some(response.clone()),
    }
}
