//! A cluster that counts what it is asked.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use airlock::{
    cluster::{
        ApplyOptions, Cluster, CreateOptions, DeleteOptions, Error, ListOptions, Metadata, Reference,
        Resource, ResourceVersion, ServerVersion, UpdateOptions, Watch,
    },
    object::{Gvk, Object},
    render::ServiceAccount,
};
use async_trait::async_trait;
use serde_json::{Value, json};

/// A cluster that counts what it is asked, and can be told to fail.
#[derive(Clone)]
pub struct Counted {
    pub inner: Arc<dyn Cluster>,
    pub asked: Arc<Mutex<BTreeMap<&'static str, usize>>>,
    /// So many applies succeed; then the server asks for a pause, so often.
    pub throttle: Arc<AtomicUsize>,
    /// Writing this object kills the task that does it.
    pub poison: Arc<Mutex<Option<String>>>,
}

impl Counted {
    pub fn new(inner: impl Cluster + 'static) -> Self {
        let inner: Arc<dyn Cluster> = Arc::new(inner);
        Self { inner, asked: Arc::default(), throttle: Arc::default(), poison: Arc::default() }
    }

    fn count(&self, what: &'static str) {
        *self.asked.lock().unwrap().entry(what).or_default() += 1;
    }

    pub fn take(&self) -> BTreeMap<&'static str, usize> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

#[async_trait]
impl Cluster for Counted {
    async fn version(&self) -> Result<ServerVersion, Error> {
        self.inner.version().await
    }
    async fn resources(&self) -> Result<Vec<Resource>, Error> {
        self.count("resources");
        self.inner.resources().await
    }
    async fn resource(&self, gvk: &Gvk) -> Result<Resource, Error> {
        self.inner.resource(gvk).await
    }
    fn impersonate(&self, account: &ServiceAccount) -> Arc<dyn Cluster> {
        self.inner.impersonate(account)
    }
    async fn get(&self, reference: &Reference) -> Result<Object, Error> {
        self.count("get");
        self.inner.get(reference).await
    }
    async fn list(&self, gvk: &Gvk, options: &ListOptions) -> Result<(Vec<Object>, ResourceVersion), Error> {
        self.count("list");
        self.inner.list(gvk, options).await
    }
    async fn list_metadata(
        &self,
        gvk: &Gvk,
        options: &ListOptions,
    ) -> Result<(Vec<Metadata>, ResourceVersion), Error> {
        self.count("list_metadata");
        self.inner.list_metadata(gvk, options).await
    }
    async fn watch_metadata(
        &self,
        gvk: &Gvk,
        options: &ListOptions,
        from: &ResourceVersion,
    ) -> Result<Watch, Error> {
        self.count("watch");
        self.inner.watch_metadata(gvk, options, from).await
    }
    async fn apply(&self, object: &Object, options: &ApplyOptions) -> Result<Object, Error> {
        if self.throttle.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |it| it.checked_sub(1)).is_ok() {
            self.count("throttled");
            let answer = json!({"code": 429, "reason": "TooManyRequests", "message": "slow down"});
            return Err(Error::from_status(&answer, Some(Duration::from_millis(5))));
        }
        let poisoned = self.poison.lock().unwrap().as_deref() == Some(object.name());
        assert!(!poisoned || options.dry_run, "poisoned");
        self.count(if options.dry_run { "dry_run" } else { "apply" });
        self.inner.apply(object, options).await
    }
    async fn apply_status(&self, object: &Object, options: &ApplyOptions) -> Result<Object, Error> {
        self.inner.apply_status(object, options).await
    }
    async fn create(&self, object: &Object, options: &CreateOptions) -> Result<Object, Error> {
        self.count("create");
        self.inner.create(object, options).await
    }
    async fn update(&self, object: &Object, options: &UpdateOptions) -> Result<Object, Error> {
        self.count("update");
        self.inner.update(object, options).await
    }
    async fn update_status(&self, object: &Object, options: &UpdateOptions) -> Result<Object, Error> {
        self.inner.update_status(object, options).await
    }
    async fn patch(
        &self,
        reference: &Reference,
        operations: &[Value],
        options: &UpdateOptions,
    ) -> Result<Object, Error> {
        self.count("patch");
        self.inner.patch(reference, operations, options).await
    }
    async fn delete(&self, reference: &Reference, options: &DeleteOptions) -> Result<(), Error> {
        self.count("delete");
        self.inner.delete(reference, options).await
    }
}
