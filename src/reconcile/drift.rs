//! Hearing of changes in the cluster instead of asking for them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::node::Node;
use crate::{
    cluster::{
        Cluster, Error, ListOptions,
        follow::{Change, Follow},
    },
    object::Gvk,
    render::CHANNEL_LABEL,
};

/// After an error the server is left alone for so long.
const PATIENCE: Duration = Duration::from_secs(2);

/// Follows every kind that the node keeps, and wakes it when one of its objects changes, until the task is ended.
pub async fn follow(node: Arc<Node>) {
    let Ok(cluster) = node.cluster() else { return };
    let mut followed: BTreeSet<Gvk> = BTreeSet::new();
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        for gvk in node.kinds() {
            if followed.insert(gvk.clone()) {
                tasks.spawn(follow_kind(Arc::clone(&node), Arc::clone(&cluster), gvk));
            }
        }
        tokio::select! {
            () = node.kinds_changed() => (),
            // A kind that is not served any more may be served again later.
            Some(ended) = tasks.join_next() => {
                if let Ok(gvk) = ended {
                    tokio::time::sleep(PATIENCE).await;
                    followed.remove(&gvk);
                }
            }
        }
    }
}

/// Follows one kind until the cluster does not serve it any more.
async fn follow_kind(node: Arc<Node>, cluster: Arc<dyn Cluster>, gvk: Gvk) -> Gvk {
    let mut follow = Follow::new(cluster, gvk.clone(), ListOptions::default().with_label_key(CHANNEL_LABEL));
    node.follows(&gvk, follow.goes_on());
    let mut listed = false;
    loop {
        match follow.next().await {
            Ok(Change::Listed) if listed => (),
            Ok(Change::Listed) => {
                // The pass looked some time before the list was made.
                let known = follow.known().map(|it| it.as_object().id()).collect();
                node.heard_all(&gvk, &known);
                listed = true;
            }
            Ok(Change::Applied(it)) => node.heard(&it, false),
            Ok(Change::Deleted(it)) => node.heard(&it, true),
            Err(Error::NoMatch(_)) => return gvk,
            // A pass asks by itself what could not be heard, and says what is wrong.
            Err(_) => {
                tokio::time::sleep(PATIENCE).await;
            }
        }
    }
}
