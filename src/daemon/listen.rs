//! What listens beside the socket: the mirror, and metrics with the probes.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Method, Response, StatusCode, header::CONTENT_TYPE, request::Parts};
use tokio::{net::TcpListener, task::JoinSet};
use tracing::{info, warn};

use super::{
    metrics::{Counters, Process, page},
    settings::Settings,
};
use crate::{
    mirror::{
        self, Shelf,
        http::{Body, serve},
    },
    reconcile::Node,
};

/// An address that cannot be had is tried again so often. What runs does not depend on who listens.
const AGAIN: Duration = Duration::from_secs(10);

/// Starts what the configuration asks for. `given` is a listener that the service manager holds for the mirror.
pub(super) fn listen(
    settings: &Settings,
    given: Option<std::net::TcpListener>,
    node: &Arc<Node>,
    counters: &Arc<Mutex<Counters>>,
    tasks: &mut JoinSet<()>,
) {
    if given.is_some() || settings.listen.mirror.is_some() {
        let shelf: Arc<dyn Shelf> = Arc::<Node>::clone(node);
        let address = settings.listen.mirror;
        tasks.spawn(async move {
            let Some(listener) = opened(given, address, "mirror").await else { return };
            serve(listener, move |request| mirror::answer(&shelf, request)).await;
        });
    }
    if let Some(address) = settings.listen.metrics {
        let (node, counters) = (Arc::clone(node), Arc::clone(counters));
        tasks.spawn(async move {
            let Some(listener) = opened(None, Some(address), "metrics").await else { return };
            serve(listener, move |request| answer(&node, &counters, request)).await;
        });
    }
}

/// The listener that was given, or one at the address as soon as it can be had.
async fn opened(
    given: Option<std::net::TcpListener>,
    address: Option<SocketAddr>,
    what: &str,
) -> Option<TcpListener> {
    let adopted = given.map(|it| it.set_nonblocking(true).and_then(|()| TcpListener::from_std(it)));
    let listener = match adopted {
        Some(Ok(listener)) => listener,
        Some(Err(error)) => {
            warn!(
                code = "listen",
                "the socket that the service manager holds for the {what} is none: {error}"
            );
            return None;
        }
        None => bound(address?, what).await,
    };
    info!(address = listener.local_addr().map(tracing::field::display).ok(), "`listen.{what}` is open");
    Some(listener)
}

async fn bound(address: SocketAddr, what: &str) -> TcpListener {
    let mut told = false;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) => {
                if !told {
                    warn!(
                        code = "listen",
                        "`listen.{what}: {address}` cannot be had, and is tried again: {error}; `ss -ltnp` shows who has it"
                    );
                }
                told = true;
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Metrics, and whether the agent is alive and ready.
fn answer(node: &Node, counters: &Mutex<Counters>, request: &Parts) -> Response<Body> {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only read here\n");
    }
    match request.uri.path() {
        "/metrics" => {
            let counters = counters.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
            let status = node.status(node.now());
            let page = page(&status, &counters, Process::this(), env!("CARGO_PKG_VERSION"));
            text(StatusCode::OK, &page)
        }
        "/healthz" if node.is_stuck() => text(StatusCode::SERVICE_UNAVAILABLE, "the agent's loop is stuck\n"),
        "/readyz" if node.is_stopped() => text(StatusCode::SERVICE_UNAVAILABLE, "the agent stops\n"),
        "/healthz" | "/readyz" => text(StatusCode::OK, "ok\n"),
        _ => text(StatusCode::NOT_FOUND, "there are /metrics, /healthz and /readyz\n"),
    }
}

fn text(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.as_bytes().to_vec()));
    *response.status_mut() = status;
    let plain = http::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}
