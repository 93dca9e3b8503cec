use std::fmt::Write;

use airlock::{
    bundle::{KeyId, PublicKey, TrustRoot},
    trust::words,
};
use anyhow::Result;

use crate::{envelope::Envelope, key::label};

/// The page that is printed, signed by hand and carried to the sites: what `airlock trust init` asks for.
///
/// # Errors
/// When no node would read the envelope.
pub fn sheet(envelope: &Envelope, root: &TrustRoot) -> Result<String> {
    let digest = envelope.digest();
    let mut page = String::new();
    let mut line = |text: String| {
        page.push_str(text.trim_end());
        page.push('\n');
    };
    line(format!("AIRLOCK TRUST ROOT {}", root.version));
    line(String::new());
    line(format!("  trust domain   {}", root.domain));
    line(format!("  version        {}", root.version));
    line(format!("  epoch          {}", root.epoch));
    line(format!("  issued         {}", root.issued));
    line(format!("  admits until   {}", root.expires));
    line(format!("  oldest agent   {}", root.min_agent));
    line(String::new());
    line("  SHA-256 of what is signed".into());
    let hex = digest.hex();
    for half in [hex.get(..32), hex.get(32..)].into_iter().flatten() {
        line(format!("    {}", grouped(half)));
    }
    line(String::new());
    line("  in eight words".into());
    let said = words::of(&digest);
    let said: Vec<&str> = said.split(' ').collect();
    for row in said.chunks(4) {
        line(format!("    {}", row.join("  ")));
    }
    line(String::new());
    line(format!("  airlock trust init FILE --sha256 {hex}"));
    let signed = envelope.signed_by(&root.keys)?;
    for (what, threshold, keys, reach) in groups(root) {
        line(String::new());
        line(format!("  {what}: {threshold} of {}", keys.len()));
        for text in reach {
            line(format!("    {text}"));
        }
        for key in root.keys_of(keys) {
            let mark = if signed.contains(&key.id()) { "signed" } else { "" };
            line(format!("    {}  {}{}  {mark}", key.id().fingerprint(), label(key), fido(key)));
        }
    }
    Ok(page)
}

/// The roles and channels: name, threshold, keys, and how far they reach.
pub(super) fn groups(root: &TrustRoot) -> Vec<(String, u32, &[KeyId], Vec<String>)> {
    let mut groups = vec![(
        "trust roots".to_owned(),
        root.roles.root.threshold,
        root.roles.root.keys.as_slice(),
        Vec::new(),
    )];
    for (name, role) in [("agents", &root.roles.agent), ("latest cards", &root.roles.card)] {
        if let Some(role) = role {
            groups.push((name.to_owned(), role.threshold, &role.keys, Vec::new()));
        }
    }
    for channel in &root.channels {
        let list = |list: &[String], all: &str, none: &str| match list {
            [] => none.to_owned(),
            [it] if it == "*" => all.to_owned(),
            list => list.join(", "),
        };
        let reach = vec![
            format!("namespaces      {}", list(&channel.namespaces, "every one", "none")),
            format!("cluster-scoped  {}", if channel.cluster_scoped { "yes" } else { "no" }),
            format!("images          {}", list(&channel.images, "every one", "none")),
        ];
        groups.push((format!("channel {}", channel.name), channel.threshold, &channel.keys, reach));
    }
    groups
}

/// What changed from one version to the next, for those who are about to sign it.
pub(super) fn difference(before: &TrustRoot, after: &TrustRoot) -> String {
    let mut text = String::new();
    let lines = |root: &TrustRoot| -> Vec<String> {
        let mut lines = vec![
            format!("epoch {}", root.epoch),
            format!("oldest agent {}", root.min_agent),
            format!("admits until {}", root.expires),
        ];
        for (what, threshold, keys, reach) in groups(root) {
            lines.push(format!("{what}: {threshold} must sign"));
            lines.extend(reach.iter().map(|it| format!("{what}: {it}")));
            for key in root.keys_of(keys) {
                lines.push(format!("{what}: {}  {}{}", key.id().fingerprint(), label(key), fido(key)));
            }
        }
        lines
    };
    let (old, new) = (lines(before), lines(after));
    for line in old.iter().filter(|it| !new.contains(it)) {
        let _ = writeln!(text, "  - {line}");
    }
    for line in new.iter().filter(|it| !old.contains(it)) {
        let _ = writeln!(text, "  + {line}");
    }
    text
}

fn fido(key: &PublicKey) -> String {
    key.application.as_ref().map(|it| format!(" (FIDO, {it})")).unwrap_or_default()
}

fn grouped(text: &str) -> String {
    let digits: Vec<char> = text.chars().collect();
    digits.chunks(4).map(|it| it.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}
