use std::{fmt::Write, path::Path};

use airlock::bundle::BlobRole;
use anyhow::Result;

use super::{opened::Opened, sign::standing};

/// What a bundle says and carries, and who signed it.
///
/// # Errors
/// When it is no bundle, or a blob is not what was signed.
pub fn inspect(bundle: &Path, trust: Option<&Path>) -> Result<String> {
    let opened = Opened::open(bundle)?;
    let (statement, release) = (&opened.statement, &opened.release);
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<16} {value}");
    };
    line("bundle", format!("{} {}", release.name, statement.position()));
    if !release.description.is_empty() {
        line("description", release.description.clone());
    }
    line("identity", opened.envelope.digest().to_string());
    line("channel", statement.channel.to_string());
    line("audience", statement.audience.join(", "));
    line("created", statement.created.to_string());
    line("accept until", statement.accept_until.to_string());
    line("rollback floor", statement.rollback_floor.to_string());
    let previous = statement.previous.as_ref();
    line("previous", previous.map_or_else(|| "none".into(), |it| format!("{} {}", it.sequence, it.digest)));
    for entry in &release.entries {
        let kind = serde_json::to_value(entry.kind)?.as_str().unwrap_or_default().to_owned();
        let after: Vec<&str> = entry.depends_on.iter().map(|it| it.as_str()).collect();
        let after = if after.is_empty() { String::new() } else { format!(" after {}", after.join(", ")) };
        line("entry", format!("{} ({kind}, {}){after}", entry.name, entry.path));
    }
    for source in &release.sources {
        line("source", format!("{} at {}", source.url, source.revision));
    }
    for (name, image) in &release.images {
        line("image", format!("{name} {}", image.digest));
    }
    for name in &release.closure.external {
        line("external", name.clone());
    }
    for (name, file) in &release.files {
        line("file", format!("{name} {} bytes", file.size));
    }
    for api in &release.apis {
        line("needs api", api.clone());
    }
    let roles = [
        (BlobRole::Tree, "trees"),
        (BlobRole::Chart, "charts"),
        (BlobRole::Image, "image blobs"),
        (BlobRole::File, "files"),
        (BlobRole::Agent, "agents"),
    ];
    for (role, name) in roles {
        let of: Vec<_> = opened.inventory.iter().filter(|it| it.role == role).collect();
        if !of.is_empty() {
            line(name, format!("{}, {} bytes", of.len(), of.iter().map(|it| it.size).sum::<u64>()));
        }
    }
    let (there, absent) = opened.check_blobs()?;
    line("on this medium", format!("{there} blobs and parts, each as it was signed; {absent} are not here"));
    text.push('\n');
    text.push_str(&standing(bundle, trust)?);
    Ok(text)
}
