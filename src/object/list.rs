//! From documents to objects: lists are taken apart, what is no object of a cluster is left out.

use serde_json::{Map, Value};

use super::{Object, ObjectError, type_of};

/// The objects of the documents, in their order. `origin` is only for errors.
///
/// As fluxcd/pkg/ssa `ReadObjects`: a document with a list in `items` is replaced by its items, and a
/// `Kustomization` of `kustomize.config.k8s.io` is left out. As kubectl: an empty document is no object, an item
/// without `apiVersion` and `kind` has those of its list, and lists may stand in lists.
///
/// # Errors
/// Whatever [`Object::new`] refuses. Flux drops a document without `apiVersion` or name at this point in silence;
/// here nothing gets lost that was signed.
pub fn expand(documents: impl IntoIterator<Item = Value>, origin: &str) -> Result<Vec<Object>, ObjectError> {
    let mut objects = Vec::new();
    for document in documents {
        // A stack and no recursion: the depth belongs to whoever wrote the document.
        let mut stack = vec![document];
        while let Some(value) = stack.pop() {
            let mut fields = match value {
                Value::Null => continue,
                Value::Object(fields) if fields.is_empty() => continue,
                Value::Object(fields) => fields,
                other => {
                    let (origin, subject) = (origin.to_owned(), "the document".to_owned());
                    return Err(ObjectError::NotAMap { origin, subject, found: type_of(&other) });
                }
            };
            if let Some(Value::Array(_)) = fields.get("items") {
                let Some(Value::Array(items)) = fields.remove("items") else { continue };
                for item in items.into_iter().rev() {
                    stack.push(inherit(item, &fields, origin)?);
                }
            } else if !is_empty_list(&fields) && !is_kustomization(&fields) {
                objects.push(Object::new(Value::Object(fields), origin)?);
            }
        }
    }
    Ok(objects)
}

/// The items of a `FooList` that a server answers with say neither `apiVersion` nor `kind`.
fn inherit(item: Value, list: &Map<String, Value>, origin: &str) -> Result<Value, ObjectError> {
    let text = |fields: &Map<String, Value>, key| {
        fields.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let kind = text(list, "kind");
    let mut fields = match item {
        Value::Object(fields) => fields,
        other => {
            let subject = format!("an item of {}", kind.unwrap_or_else(|| "a list".to_owned()));
            return Err(ObjectError::NotAMap { origin: origin.to_owned(), subject, found: type_of(&other) });
        }
    };
    if let (None, None, Some(version), Some(kind)) =
        (text(&fields, "apiVersion"), text(&fields, "kind"), text(list, "apiVersion"), kind)
        && let Some(kind) = kind.strip_suffix("List").filter(|kind| !kind.is_empty())
    {
        fields.insert("apiVersion".to_owned(), version.into());
        fields.insert("kind".to_owned(), kind.into());
    }
    Ok(Value::Object(fields))
}

/// A `List` whose items are null or missing, as Go writes one without items.
fn is_empty_list(fields: &Map<String, Value>) -> bool {
    let kind = fields.get("kind").and_then(Value::as_str).unwrap_or("");
    let named = fields.get("metadata").is_some_and(|metadata| metadata.get("name").is_some());
    let items = fields.get("items");
    !named
        && kind.ends_with("List")
        && (items.is_some_and(Value::is_null) || (kind == "List" && items.is_none()))
}

fn is_kustomization(fields: &Map<String, Value>) -> bool {
    let text = |key| fields.get(key).and_then(Value::as_str).unwrap_or("");
    text("kind").eq_ignore_ascii_case("Kustomization")
        && text("apiVersion").starts_with("kustomize.config.k8s.io/")
}
