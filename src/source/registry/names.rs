use std::{io, net::SocketAddr, sync::Arc};

use hickory_resolver::{
    TokioResolver,
    config::{LookupIpStrategy, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Finds the addresses of hosts by `/etc/hosts` and the servers of `/etc/resolv.conf`, and by nothing else: what a
/// host's own library would load for it (`/etc/nsswitch.conf`) was built for another program than this one.
#[derive(Clone)]
pub struct Names(Arc<TokioResolver>);

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names")
    }
}

impl Names {
    /// Reads both files. Where there is no `/etc/resolv.conf`, only `/etc/hosts` has names: nobody outside is asked
    /// whom no file names.
    ///
    /// # Errors
    /// When `/etc/resolv.conf` is there and cannot be used.
    pub fn of_host() -> io::Result<Self> {
        let mut builder = match TokioResolver::builder_tokio() {
            Ok(builder) => builder,
            Err(_) if !std::fs::exists("/etc/resolv.conf")? => {
                let nobody = ResolverConfig::from_parts(None, Vec::new(), Vec::new());
                TokioResolver::builder_with_config(nobody, TokioRuntimeProvider::default())
            }
            Err(error) => return Err(io::Error::other(error)),
        };
        builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        builder.build().map(|it| Self(Arc::new(it))).map_err(io::Error::other)
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = Arc::clone(&self.0);
        Box::pin(async move {
            let found = resolver.lookup_ip(name.as_str()).await?;
            let addresses: Vec<SocketAddr> = found.iter().map(|it| SocketAddr::new(it, 0)).collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
