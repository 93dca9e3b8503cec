//! What the agent may not write, whatever bundle or bug wants it to: everything but its own places.
//!
//! The unit says the same to systemd. This holds where there is no unit, too: by hand, in a pod, in a container.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, AccessFs, PathBeneath, PathFd, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetError,
    RulesetStatus,
};

use super::settings::{Settings, Target};

/// Where the agent writes: its store, the directory of its socket, its media (want-lists), and a directory that stands
/// in for a cluster.
pub fn writable(settings: &Settings) -> Vec<PathBuf> {
    let mut places = vec![settings.store.clone()];
    let of_file = |path: &Path| path.parent().map(Path::to_owned);
    places.extend(of_file(&settings.socket));
    // A store id that is lost is written anew.
    places.extend(of_file(&settings.store_id));
    places.extend(settings.media.iter().cloned());
    if let Some(Target::Directory(directory)) = &settings.target {
        places.push(directory.clone());
    }
    // What a program that the agent starts prints to nobody.
    places.push("/dev/null".into());
    places
}

/// Takes the right to write elsewhere from this thread and from all that it starts. Call it before there are others.
/// Gives whether the kernel does it; one older than 5.13 does not.
///
/// # Errors
/// When the kernel says it can and does not.
pub fn confine(places: &[PathBuf]) -> Result<bool, RulesetError> {
    // Truncation is the newest right that this relies on; what a kernel does not know yet it leaves out.
    let abi = ABI::V3;
    let mut rules = Ruleset::default().handle_access(AccessFs::from_write(abi))?.create()?;
    for place in places {
        // A place that is not there cannot be written, and is made by whoever needs it before.
        let Ok(opened) = PathFd::new(place) else { continue };
        let rights = match place.is_dir() {
            true => AccessFs::from_write(abi),
            false => AccessFs::from_file(abi) & AccessFs::from_write(abi),
        };
        rules = rules.add_rule(PathBeneath::new(opened, rights))?;
    }
    Ok(rules.restrict_self()?.ruleset != RulesetStatus::NotEnforced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_elsewhere() {
        let folder = tempfile::tempdir().expect("a directory");
        let (inside, outside) = (folder.path().join("inside"), folder.path().join("outside"));
        for place in [&inside, &outside] {
            std::fs::create_dir(place).expect("a directory");
            std::fs::write(place.join("there"), "1").expect("a file");
        }
        // Only this thread is confined.
        let confined = std::thread::spawn(move || {
            if !confine(&[inside.clone(), "/dev/null".into(), "/nowhere".into()]).expect("rules") {
                return false;
            }
            std::fs::write(inside.join("new"), "1").expect("its own place");
            std::fs::rename(inside.join("new"), inside.join("there")).expect("its own place");
            std::fs::write("/dev/null", "1").expect("nowhere");
            assert_eq!(std::fs::read_to_string(outside.join("there")).ok().as_deref(), Some("1"));
            assert!(std::fs::write(outside.join("there"), "2").is_err());
            assert!(std::fs::write(outside.join("new"), "2").is_err());
            assert!(std::fs::remove_file(outside.join("there")).is_err());
            assert!(std::fs::rename(inside.join("there"), outside.join("moved")).is_err());
            true
        });
        if !confined.join().expect("the thread's own assertions") {
            println!("skipped: this kernel has no Landlock");
        }
    }
}
