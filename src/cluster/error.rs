//! What a request can end in, with the server's own reason and message.

use std::{io, time::Duration};

use serde_json::Value;

use super::api::AccessError;
use crate::{
    fault::{Class, Fault},
    object::Gvk,
};

/// The answer of an API server that says no: `kind: Status` of `meta/v1`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Status {
    /// The HTTP code.
    pub code: u16,
    /// One word: `NotFound`, `Invalid`.
    pub reason: String,
    /// The server's sentence, in full.
    pub message: String,
    /// The reasons of its causes: `FieldManagerConflict`, `NamespaceTerminating`.
    pub causes: Vec<String>,
}

/// A field that another manager owns and that an apply without force would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldConflict {
    /// Who owns it, as the server words it: `conflict with "kubectl" using apps/v1`.
    pub message: String,
    /// Its path, as the server writes it: `.spec.replicas`.
    pub field: String,
}

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such object, or no such namespace.
    #[error("{}", .0.message)]
    NotFound(Status),
    /// Something has that name already.
    #[error("{}", .0.message)]
    AlreadyExists(Status),
    /// A precondition does not hold, or another manager owns a field.
    #[error("{}", .status.message)]
    Conflict {
        /// The server's words.
        status: Status,
        /// The fields, when the conflict is about ownership.
        fields: Vec<FieldConflict>,
    },
    /// The object breaks a rule of its kind.
    #[error("{}", .0.message)]
    Invalid(Status),
    /// The object may have the new value, but not by a change of the one that is there.
    #[error("{}", .0.message)]
    Immutable(Status),
    /// The kind is not served: its CustomResourceDefinition is missing, or the version is gone.
    #[error("no matches for kind \"{}\" in version \"{}\"", .0.kind, .0.api_version())]
    NoMatch(Gvk),
    /// The credentials are not accepted.
    #[error("{}", .0.message)]
    Unauthorized(Status),
    /// The credentials lack a right, or an admission plugin says no.
    #[error("{}", .0.message)]
    Forbidden(Status),
    /// The server asks for a pause.
    #[error("{}", .status.message)]
    Throttled {
        /// The server's words.
        status: Status,
        /// How long it asks for, where it says so.
        retry_after: Option<Duration>,
    },
    /// The server no longer knows the history after that version.
    #[error("{}", .0.message)]
    Gone(Status),
    /// The request is wrong in another way, or an admission webhook refuses it.
    #[error("{}", .0.message)]
    Rejected(Status),
    /// The server cannot answer now, or cannot be reached.
    #[error("the cluster cannot be reached: {reason}")]
    Unavailable {
        /// What it says, or why it cannot be asked.
        reason: String,
        /// Its answer, where it gave one.
        status: Option<Status>,
        /// What lies beneath.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// It is not known which server it is, or who we are to it.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Somebody answers, and does not prove that it is the server.
    #[error("{server} is not trusted: {why}")]
    Untrusted {
        /// Its address.
        server: String,
        /// What is wrong with its certificate.
        why: String,
    },
    /// What came back is no object of Kubernetes.
    #[error("the cluster answers with something else than was asked for: {0}")]
    Malformed(String),
    /// The directory that stands in for a cluster cannot be read or written.
    #[error("{path}: the cluster's directory cannot be used")]
    Disk {
        /// The file.
        path: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// The error that a `Status` stands for; `retry_after` is the header of that name.
    ///
    /// Reasons count before codes (`apierrors.ReasonAndCodeForError`). What makes an invalid change [`Error::Immutable`] is the message,
    /// as kubectl and Flux tell it (fluxcd/pkg/ssa `IsImmutableError`).
    pub fn from_status(answer: &Value, retry_after: Option<Duration>) -> Self {
        let text = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
        let code = answer.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
        let causes = answer.pointer("/details/causes").and_then(Value::as_array);
        let reason = |cause: &Value| cause.get("reason").and_then(Value::as_str).map(str::to_owned);
        let status = Status {
            code: code.unwrap_or(0),
            reason: text("reason"),
            message: text("message"),
            causes: causes.into_iter().flatten().filter_map(reason).collect(),
        };
        let conflict = |cause: &Value| {
            let text = |key: &str| cause.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
            (text("reason") == "FieldManagerConflict")
                .then(|| FieldConflict { message: text("message"), field: text("field") })
        };
        let seconds = answer.pointer("/details/retryAfterSeconds").and_then(Value::as_u64);
        let retry_after = retry_after.or_else(|| seconds.filter(|it| *it > 0).map(Duration::from_secs));
        match (status.reason.as_str(), status.code) {
            ("NotFound", _) => Self::NotFound(status),
            ("AlreadyExists", _) => Self::AlreadyExists(status),
            ("Conflict", _) => {
                Self::Conflict { status, fields: causes.into_iter().flatten().filter_map(conflict).collect() }
            }
            ("Invalid", _) if says_immutable(&status.message) => Self::Immutable(status),
            ("Invalid", _) => Self::Invalid(status),
            ("Unauthorized", _) => Self::Unauthorized(status),
            ("Forbidden", _) if says_immutable(&status.message) => Self::Immutable(status),
            ("Forbidden", _) => Self::Forbidden(status),
            ("TooManyRequests", _) => Self::Throttled { status, retry_after },
            ("Expired" | "Gone", _) => Self::Gone(status),
            // The server's history is shorter than ours: it was restored from a backup (`apierrors.IsTooLargeResourceVersion`).
            ("Timeout", _) if status.causes.iter().any(|it| it == "ResourceVersionTooLarge") => {
                Self::Gone(status)
            }
            ("InternalError", 500) if is_mistyped(&status.message) => Self::Invalid(status),
            ("ServerTimeout" | "Timeout" | "InternalError" | "ServiceUnavailable", _) => {
                Self::Unavailable { reason: status.message.clone(), status: Some(status), source: None }
            }
            (_, 401) => Self::Unauthorized(status),
            (_, 403) => Self::Forbidden(status),
            (_, 404) => Self::NotFound(status),
            (_, 409) => Self::Conflict { status, fields: Vec::new() },
            (_, 410) => Self::Gone(status),
            (_, 422) => Self::Invalid(status),
            (_, 429) => Self::Throttled { status, retry_after },
            // What the server says where a value is of another type than its schema, before any rule is looked at. Nothing is wrong
            // with the server, and to try again changes nothing.
            (_, 500) if is_mistyped(&status.message) => Self::Invalid(status),
            (_, 500..) => {
                Self::Unavailable { reason: status.message.clone(), status: Some(status), source: None }
            }
            _ if says_immutable(&status.message) => Self::Immutable(status),
            _ => Self::Rejected(status),
        }
    }

    /// The server's answer, where it gave one.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::NotFound(status)
            | Self::AlreadyExists(status)
            | Self::Conflict { status, .. }
            | Self::Invalid(status)
            | Self::Immutable(status)
            | Self::Unauthorized(status)
            | Self::Forbidden(status)
            | Self::Throttled { status, .. }
            | Self::Gone(status)
            | Self::Rejected(status)
            | Self::Unavailable { status: Some(status), .. } => Some(status),
            Self::Unavailable { status: None, .. }
            | Self::NoMatch(_)
            | Self::Access(_)
            | Self::Untrusted { .. }
            | Self::Malformed(_)
            | Self::Disk { .. } => None,
        }
    }

    /// Its reason, as Flux puts it in brackets behind `dry-run failed`; nothing where no server spoke.
    pub fn reason(&self) -> Option<&str> {
        self.status().map(|it| it.reason.as_str()).filter(|it| !it.is_empty())
    }

    /// Whether there is nothing: no object, or no kind that it could be of.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::NotFound(_) | Self::NoMatch(_))
    }
}

/// Whether a value does not fit its type (structured-merge-diff, in server-side apply).
fn is_mistyped(message: &str) -> bool {
    message.starts_with("failed to create typed patch object")
}

/// "is immutable", "immutable field", and the StatefulSet's own words; but not "is not immutable".
fn says_immutable(message: &str) -> bool {
    let message = message.to_ascii_lowercase().replace("is not immutable", "");
    ["is immutable", "immutable field", "updates to statefulset spec for fields other than"]
        .iter()
        .any(|words| message.contains(words))
}

impl Fault for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "not_found",
            Self::AlreadyExists(_) => "already_exists",
            Self::Conflict { .. } => "conflict",
            Self::Invalid(_) => "invalid",
            Self::Immutable(_) => "immutable",
            Self::NoMatch(_) => "no_match",
            Self::Unauthorized(_) => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::Throttled { .. } => "throttled",
            Self::Gone(_) => "gone",
            Self::Rejected(_) => "rejected",
            Self::Unavailable { .. } => "cluster_unavailable",
            Self::Access(error) => error.code(),
            Self::Untrusted { .. } => "cluster_untrusted",
            Self::Malformed(_) => "cluster_malformed",
            Self::Disk { .. } => "disk",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Invalid(_) | Self::Immutable(_) | Self::Rejected(_) => Class::Invalid,
            Self::Unauthorized(_) | Self::Forbidden(_) => Class::Denied,
            Self::Conflict { .. } | Self::AlreadyExists(_) | Self::Gone(_) => Class::Conflict,
            // A certificate is replaced without a word to us.
            Self::NotFound(_)
            | Self::NoMatch(_)
            | Self::Throttled { .. }
            | Self::Unavailable { .. }
            | Self::Untrusted { .. } => Class::Unavailable,
            Self::Access(error) => error.class(),
            Self::Malformed(_) | Self::Disk { .. } => Class::System,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoMatch(gvk) => {
                return Some(format!(
                    "install the CustomResourceDefinition that serves {gvk}, or let its entry come first with `dependsOn`"
                ));
            }
            Self::Access(error) => return error.hint(),
            Self::Immutable(_) => {
                "delete the object, or allow it to be recreated by the annotation \
                 `kustomize.toolkit.fluxcd.io/force: enabled`"
            }
            Self::Conflict { fields, .. } if !fields.is_empty() => {
                "another manager owns these fields: leave them out of the manifests, or apply with force"
            }
            Self::Unauthorized(_) => "check the credentials in the kubeconfig",
            Self::Forbidden(_) => "`airlock generate rbac` prints the rights that the entries need",
            Self::Unavailable { .. } => {
                "it is tried again; `kubectl get --raw /readyz` asks the server the same"
            }
            Self::Untrusted { .. } => {
                "`certificate-authority` in the kubeconfig must be the one that signed the server's certificate, and that \
                 one must be valid today for the server's name"
            }
            Self::Disk { .. } => "check the disk and the permissions",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(answer: Value, code: &str) {
        assert_eq!(Error::from_status(&answer, None).code(), code, "{answer}");
    }

    #[test]
    fn reasons_codes_and_messages() {
        check(json!({"reason": "NotFound", "code": 404}), "not_found");
        check(json!({"reason": "AlreadyExists", "code": 409}), "already_exists");
        check(json!({"reason": "Conflict", "code": 409}), "conflict");
        check(json!({"reason": "Invalid", "code": 422, "message": "spec.x: Required value"}), "invalid");
        check(
            json!({"reason": "Invalid", "code": 422, "message": "spec.x: field is immutable"}),
            "immutable",
        );
        check(json!({"reason": "Invalid", "code": 422, "message": "the phase is not immutable"}), "invalid");
        check(
            json!({"reason": "Forbidden", "code": 422, "message": "updates to statefulset spec for fields other than 'replicas' are forbidden"}),
            "immutable",
        );
        check(json!({"reason": "Forbidden", "code": 403}), "forbidden");
        check(json!({"code": 403, "message": "admission webhook \"x\" denied the request"}), "forbidden");
        check(json!({"reason": "Expired", "code": 410}), "gone");
        check(json!({"code": 410}), "gone");
        let ahead = json!({"causes": [{"reason": "ResourceVersionTooLarge"}]});
        check(json!({"reason": "Timeout", "code": 504, "details": ahead}), "gone");
        check(json!({"reason": "Timeout", "code": 504}), "cluster_unavailable");
        check(json!({"reason": "InternalError", "code": 500}), "cluster_unavailable");
        let mistyped = "failed to create typed patch object (a/b; v1, Kind=X): .spec.size: expected numeric (int or float), got string";
        check(json!({"code": 500, "message": mistyped}), "invalid");
        check(json!({"reason": "InternalError", "code": 500, "message": mistyped}), "invalid");
        check(json!({"reason": "BadRequest", "code": 400}), "rejected");
        check(json!({}), "rejected");
        let throttled =
            json!({"reason": "TooManyRequests", "code": 429, "details": {"retryAfterSeconds": 3}});
        let Error::Throttled { retry_after, .. } = Error::from_status(&throttled, None) else { panic!() };
        assert_eq!(retry_after, Some(Duration::from_secs(3)));
        let owned = json!({"reason": "Conflict", "code": 409, "details": {"causes": [
            {"reason": "FieldManagerConflict", "message": "conflict with \"kubectl\"", "field": ".spec.replicas"},
            {"reason": "Other", "field": "x"},
        ]}});
        let Error::Conflict { fields, .. } = Error::from_status(&owned, None) else { panic!() };
        assert_eq!(fields.len(), 1);
    }
}
