//! What an object says about how it wants to be treated: labels or annotations of `kustomize.toolkit.fluxcd.io`.
//!
//! Each question is answered on its own, as kustomize-controller's selectors are: a label and an annotation may
//! disagree, and then each counts for what it names. Values are compared without case, except where said.

use super::Object;

/// Why an object is not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Skip {
    /// `reconcile: disabled`, on the desired or the live object.
    Disabled,
    /// `ssa: Ignore`, on the desired or the live object.
    Ignored,
    /// `ssa: IfNotPresent` on the desired object, and it is present.
    Present,
}

/// Why an object is not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keep {
    /// `prune: disabled`.
    Prune,
    /// `reconcile: disabled`.
    Disabled,
    /// `ssa: Ignore`.
    Ignored,
}

/// What holds for one apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptOuts {
    /// The object is not applied at all.
    pub skip: Option<Skip>,
    /// `ssa: Merge`: fields and annotations that kubectl left are not taken over.
    pub merge: bool,
    /// `force: enabled`: an object whose immutable field changes is deleted and made again.
    pub force: bool,
}

/// What desired and live metadata say about an apply.
pub fn for_apply(desired: &Object, live: Option<&Object>) -> OptOuts {
    let either = |name, value| says(desired, name, value) || live.is_some_and(|live| says(live, name, value));
    // Flux takes an object as present when the server gave it a UID.
    let present = live.is_some_and(|live| live.uid().is_some());
    let skip = if either("reconcile", "disabled") {
        Some(Skip::Disabled)
    } else if either("ssa", "Ignore") {
        Some(Skip::Ignored)
    } else if present && says(desired, "ssa", "IfNotPresent") {
        Some(Skip::Present)
    } else {
        None
    };
    OptOuts { skip, merge: either("ssa", "Merge"), force: either("force", "enabled") }
}

/// What live metadata says about a deletion; what was desired once no longer counts.
pub fn for_delete(live: &Object) -> Option<Keep> {
    if says(live, "prune", "disabled") {
        Some(Keep::Prune)
    } else if says(live, "reconcile", "disabled") {
        Some(Keep::Disabled)
    } else if says(live, "ssa", "Ignore") {
        Some(Keep::Ignored)
    } else {
        None
    }
}

/// `substitute: disabled` as a label or an annotation, in exactly this case: variables in the object stay as they are.
pub fn without_substitution(object: &Object) -> bool {
    let key = key("substitute");
    [object.label(&key), object.annotation(&key)].contains(&Some("disabled"))
}

/// `decrypt: disabled` as an annotation: the object is applied as it is encrypted.
pub fn without_decryption(object: &Object) -> bool {
    object.annotation(&key("decrypt")).is_some_and(|found| found.eq_ignore_ascii_case("disabled"))
}

fn key(name: &str) -> String {
    format!("kustomize.toolkit.fluxcd.io/{name}")
}

/// fluxcd/pkg/ssa `AnyInMetadata`.
fn says(object: &Object, name: &str, value: &str) -> bool {
    let key = key(name);
    let equal = |found: Option<&str>| found.is_some_and(|found| found.eq_ignore_ascii_case(value));
    equal(object.label(&key)) || equal(object.annotation(&key))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(field: &str, name: &str, value: &str, substitution: bool, decryption: bool) {
        let key = key(name);
        let object = Object::new(
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", field: {key: value}}}),
            "test",
        )
        .unwrap();
        assert_eq!((without_substitution(&object), without_decryption(&object)), (substitution, decryption));
    }

    #[test]
    fn before_the_apply() {
        check("labels", "substitute", "disabled", true, false);
        check("annotations", "substitute", "disabled", true, false);
        check("annotations", "substitute", "Disabled", false, false);
        check("annotations", "decrypt", "disabled", false, true);
        check("annotations", "decrypt", "DISABLED", false, true);
        check("labels", "decrypt", "disabled", false, false);
        check("annotations", "decrypt", "enabled", false, false);
    }
}
