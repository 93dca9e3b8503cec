use std::path::PathBuf;

use serde::Deserialize;

use crate::{
    duration::GoDuration,
    name::ChannelName,
    reconcile::Followed,
    source::{Hosts, Spec, Url, registry::Patience},
};

/// A place as a person writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct FragmentSource {
    url: String,
    #[serde(default)]
    channel: Option<ChannelName>,
    #[serde(default = "FragmentSource::interval")]
    interval: GoDuration,
    #[serde(default)]
    credentials: Option<PathBuf>,
    #[serde(default)]
    ca: Option<PathBuf>,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    plain_http: bool,
    #[serde(default)]
    known_hosts: Option<PathBuf>,
}

impl FragmentSource {
    fn interval() -> GoDuration {
        GoDuration::from_secs(600)
    }
}

/// What is wrong with one, and what to write instead.
pub(super) struct Wrong {
    pub(super) why: String,
    pub(super) fix: &'static str,
}

/// Makes of them what the node follows. `channels` are those of the node.
pub(super) fn followed(
    sources: Vec<FragmentSource>,
    channels: &[ChannelName],
) -> Result<Vec<Followed>, Wrong> {
    let mut all: Vec<Followed> = Vec::new();
    for source in sources {
        let url: Url = source.url.parse().map_err(|why| Wrong {
            why: format!("`sources`: {why}"),
            fix: "write it as in `url: oci://registry.site.example/platform/bundle:stable`",
        })?;
        if all.iter().any(|it| it.spec.url == url) {
            let why = format!("`sources` names {url} twice");
            return Err(Wrong { why, fix: "name each place once" });
        }
        if let Some(channel) = source.channel.as_ref().filter(|it| !channels.contains(it)) {
            let why =
                format!("`sources` takes channel `{channel}` from {url}, and this node does not follow it");
            return Err(Wrong { why, fix: "name it under `channels`, too" });
        }
        if source.interval.0.is_zero() {
            let why = format!("`sources` asks {url} without a pause");
            return Err(Wrong { why, fix: "give it an `interval`, as in `interval: 10m`" });
        }
        let spec = Spec {
            url,
            credentials: source.credentials,
            ca: source.ca,
            hosts: Hosts::Only(source.hosts),
            plain_http: source.plain_http,
            patience: Patience::default(),
            known_hosts: source.known_hosts,
            objects: None,
        };
        all.push(Followed { spec, channel: source.channel, interval: source.interval.0 });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use crate::daemon::Settings;

    #[track_caller]
    fn check(sources: &str, expect: Result<&str, &str>) {
        let text = format!("cluster: ship-7\nchannels: [platform]\nrole: store\nsources:\n{sources}\n");
        let told = |settings: Settings| {
            let all = settings.sources.iter();
            let told = all.map(|it| {
                let channel = it.channel.as_ref().map_or("any", |it| it.as_str());
                format!("{} {channel} {:?} {:?}", it.spec.url, it.interval, it.spec.hosts)
            });
            told.collect::<Vec<_>>().join("\n")
        };
        let found = Settings::parse("it", &text, "amd64").map(told).map_err(|it| it.why);
        match (&found, expect) {
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            _ => assert_eq!(found.as_deref().map_err(|it| &**it), expect),
        }
    }

    #[test]
    fn places_are_told_apart() {
        check(
            "- {url: 'oci://r/a:1', channel: platform, interval: 1m, hosts: [s]}\n- {url: 'oci://r/b'}",
            Ok("oci://r/a:1 platform 60s Only([\"s\"])\noci://r/b any 600s Only([])"),
        );
        check("- {url: 'oci://r/a'}\n- {url: 'oci://r/a'}", Err("names oci://r/a twice"));
        check("- {url: 'oci://r/a', channel: other}", Err("takes channel `other` from oci://r/a"));
        check("- {url: 'oci://r/a', interval: 0s}", Err("without a pause"));
        check("- {url: 'ftp://r/a'}", Err("`ftp://r/a` is none of the places"));
        check("- {url: 'oci://u:p@r/a'}", Err("credentials stand in a file"));
        check(
            "- {url: 'https://g/s.git#s-*', knownHosts: k}\n- {url: 'ssh://git@g/s.git', knownHosts: k}",
            Ok("https://g/s.git#refs/tags/s-* any 600s Only([])\nssh://git@g/s.git any 600s Only([])"),
        );
        check("- {url: 'https://u:p@g/s.git'}", Err("credentials belong into a file"));
        check("- {url: 'oci://r/a', password: x}", Err("unknown field `password`"));
    }
}
