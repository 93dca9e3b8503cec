//! Kubernetes, through one port: what a plan is applied to, what is observed, and what is written down there.
//!
//! [`Cluster`] has the API server's operations under the API server's names; who implements it decides nothing.
//! [`api`] is a real server, and [`directory`] lets a directory stand in for one. What uses the port stands beside it: [`observe`] gathers what a
//! plan is computed from, [`execute`] carries a plan out, [`record`] keeps what every node must agree on,
//! [`lease`] says which of them writes, and [`follow`] turns lists and watches into one sequence of changes.

#[macro_use]
mod patience;

pub mod api;
mod behind;
pub mod directory;
mod error;
mod event;
pub mod execute;
pub mod follow;
pub mod lease;
pub mod observe;
mod options;
pub mod record;
mod resource;
mod wait;
mod watch;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use crate::{
    object::{Gvk, Object},
    render::ServiceAccount,
};

pub use self::{
    error::{Error, FieldConflict, Status},
    event::{Event, EventType},
    options::{
        ApplyOptions, CreateOptions, DeleteOptions, ListOptions, Preconditions, PropagationPolicy, Selector,
        UpdateOptions,
    },
    resource::{Metadata, Reference, Resource, ResourceVersion, ServerVersion, groups},
    watch::{Watch, WatchEvent, WatchSender},
};

/// An API server, or what stands in for one.
///
/// Every operation is one request (discovery and long lists may be several), none is retried, and none decides anything: retries,
/// order, waits and guards belong to the callers. A write that the server answers was durable there. `Object`s go in as they are to be sent and
/// come back as the server stores them, with `metadata.managedFields`.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// The server's version, from `/version`.
    ///
    /// # Errors
    /// When the server cannot be asked.
    async fn version(&self) -> Result<ServerVersion, Error>;

    /// Every kind that is served, in every version, from discovery.
    ///
    /// # Errors
    /// When the server cannot be asked.
    async fn resources(&self) -> Result<Vec<Resource>, Error>;

    /// The resource that serves a kind. May answer from memory; asks again before it says that there is none.
    ///
    /// # Errors
    /// [`Error::NoMatch`] when the kind is not served in this version.
    async fn resource(&self, gvk: &Gvk) -> Result<Resource, Error>;

    /// The same cluster, asked as a service account: every right that counts is that account's.
    fn impersonate(&self, account: &ServiceAccount) -> Arc<dyn Cluster>;

    /// One object.
    ///
    /// # Errors
    /// [`Error::NotFound`], and [`Error::NoMatch`] when its kind is not served.
    async fn get(&self, reference: &Reference) -> Result<Object, Error>;

    /// The objects of a kind in one namespace or all, by label, as one consistent state.
    ///
    /// # Errors
    /// As [`Cluster::get`]; a namespace that does not exist has no objects.
    async fn list(&self, gvk: &Gvk, options: &ListOptions) -> Result<(Vec<Object>, ResourceVersion), Error>;

    /// The same, metadata alone (`PartialObjectMetadataList`): what inventories and watches need, at a tenth of the bytes. Who owns
    /// which field may be left out.
    ///
    /// # Errors
    /// As [`Cluster::list`].
    async fn list_metadata(
        &self,
        gvk: &Gvk,
        options: &ListOptions,
    ) -> Result<(Vec<Metadata>, ResourceVersion), Error>;

    /// Changes after `from`, metadata alone. An object that stops matching the labels is reported as deleted. The watch ends
    /// when the server says so, and is asked for again from the last version seen, bookmarks included.
    ///
    /// # Errors
    /// [`Error::Gone`], here or as the last event, when the server no longer knows what came after `from`: list again.
    async fn watch_metadata(
        &self,
        gvk: &Gvk,
        options: &ListOptions,
        from: &ResourceVersion,
    ) -> Result<Watch, Error>;

    /// Server-side apply: what the manager owned and no longer names vanishes, what others own stays.
    ///
    /// # Errors
    /// [`Error::Conflict`] with the fields and their managers unless forced; [`Error::Immutable`]; [`Error::Invalid`].
    async fn apply(&self, object: &Object, options: &ApplyOptions) -> Result<Object, Error>;

    /// Server-side apply to the `status` subresource; everything but the status is ignored.
    ///
    /// # Errors
    /// As [`Cluster::apply`]; [`Error::NotFound`] when there is no such object, since a status makes none.
    async fn apply_status(&self, object: &Object, options: &ApplyOptions) -> Result<Object, Error>;

    /// Creates, and never changes what is there.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`].
    async fn create(&self, object: &Object, options: &CreateOptions) -> Result<Object, Error>;

    /// Replaces. With `metadata.resourceVersion` in the object it happens only to that version of it; with `metadata.uid` only to
    /// that object.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the object is another by now; [`Error::NotFound`].
    async fn update(&self, object: &Object, options: &UpdateOptions) -> Result<Object, Error>;

    /// Replaces the `status` subresource; everything but the status and the preconditions is ignored.
    ///
    /// # Errors
    /// As [`Cluster::update`].
    async fn update_status(&self, object: &Object, options: &UpdateOptions) -> Result<Object, Error>;

    /// Changes an object by a JSON patch (RFC 6902), its metadata included.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] when the patch does not fit, or what it makes breaks a rule.
    async fn patch(
        &self,
        reference: &Reference,
        operations: &[Value],
        options: &UpdateOptions,
    ) -> Result<Object, Error>;

    /// Asks for a deletion. The object may stay for a while, with a `deletionTimestamp`, until its finalizers are done.
    ///
    /// # Errors
    /// [`Error::Conflict`] when a precondition does not hold; [`Error::NotFound`].
    async fn delete(&self, reference: &Reference, options: &DeleteOptions) -> Result<(), Error>;
}
