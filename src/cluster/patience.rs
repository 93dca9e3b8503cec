//! A server that asks for a pause gets it: what was refused for being too much was not done, and may be asked again.

use std::time::Duration;

/// A server that asks for a pause gets it so often.
pub(super) const PATIENCE: usize = 5;

/// The pause, where it does not say how long, and the longest that is granted.
pub(super) const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Makes a request, and makes it again where the server wants a pause first.
macro_rules! patiently {
    ($request:expr) => {{
        let mut left = crate::cluster::patience::PATIENCE;
        loop {
            match $request.await {
                Err(crate::cluster::Error::Throttled { retry_after, .. }) if left > 0 => {
                    left -= 1;
                    let (usual, longest) = crate::cluster::patience::PAUSE;
                    tokio::time::sleep(retry_after.unwrap_or(usual).min(longest)).await;
                }
                result => break result,
            }
        }
    }};
}
