use std::{
    ffi::OsString,
    fs::File,
    io::Read,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use super::Error;

/// One line of `/proc/self/mountinfo` (proc(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Unique while it is mounted, and used again afterwards.
    pub id: u64,
    /// Major and minor number of its device.
    pub device: (u32, u32),
    /// Where it is mounted.
    pub point: PathBuf,
    /// The name of its file system: `vfat`, `ext4`.
    pub file_system: String,
    /// What is mounted, as `mount` was told.
    pub source: OsString,
    /// Whether nothing can be written there.
    pub read_only: bool,
}

/// Reads the content of `mountinfo`. Lines that are none are left out: the kernel writes them, and may add to them.
pub fn parse_mountinfo(bytes: &[u8]) -> Vec<Mount> {
    bytes.split(|c| *c == b'\n').filter_map(line).collect()
}

fn line(line: &[u8]) -> Option<Mount> {
    // 36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    let mut fields = line.split(|c| *c == b' ');
    let mut text = || fields.next().and_then(|field| std::str::from_utf8(field).ok());
    let id = text()?.parse().ok()?;
    let _parent = text()?;
    let (major, minor) = text()?.split_once(':')?;
    let device = (major.parse().ok()?, minor.parse().ok()?);
    let _root = fields.next()?;
    let point = unescape(fields.next()?);
    let options = fields.next()?;
    fields.find(|field| *field == b"-")?;
    let file_system = String::from_utf8_lossy(fields.next()?).into_owned();
    let source = OsString::from_vec(unescape(fields.next()?));
    let super_options = fields.next()?;
    let read_only = |options: &[u8]| options.split(|c| *c == b',').any(|option| option == b"ro");
    Some(Mount {
        id,
        device,
        point: OsString::from_vec(point).into(),
        file_system,
        source,
        read_only: read_only(options) || read_only(super_options),
    })
}

/// Spaces, tabs, newlines and backslashes come as a backslash and three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let octal = |digits: &[u8]| {
            digits.iter().try_fold(0_u32, |number, digit| match digit {
                b'0'..=b'7' => Some(number * 8 + u32::from(digit - b'0')),
                _ => None,
            })
        };
        let escaped = after.get(..3).filter(|_| *first == b'\\').and_then(octal);
        match escaped.and_then(|number| u8::try_from(number).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

/// What is mounted below a directory, in the order of mounting; the directory's own mount is not. Where something
/// is mounted over something else, only what is on top counts.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn mounts_below(directory: &Path) -> Result<Vec<Mount>, Error> {
    const MOUNTINFO: &str = "/proc/self/mountinfo";
    let mut bytes = Vec::new();
    File::open(MOUNTINFO)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(Error::io("read", MOUNTINFO))?;
    // The kernel prints paths without links.
    let directory = std::fs::canonicalize(directory).map_err(Error::io("open", directory))?;
    let mut below: Vec<Mount> = Vec::new();
    for mount in parse_mountinfo(&bytes) {
        if mount.point != directory && mount.point.starts_with(&directory) {
            below.retain(|it| it.point != mount.point);
            below.push(mount);
        }
    }
    Ok(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_kernel_are_read() {
        let text = b"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n\
            40 36 8:17 / /media/KIOSK\\040STICK\\134x ro,nosuid shared:7 master:2 - vfat /dev/sdb1 rw,uid=0\n\
            41 36 0:55 / /media/b rw - tmpfs tmpfs ro\n\
            not a mount\n\
            42 36 0:55 / /media/c rw shared:7\n";
        let mounts = parse_mountinfo(text);
        let summary: Vec<_> = mounts
            .iter()
            .map(|it| (it.id, it.device, it.point.to_str().unwrap(), it.file_system.as_str(), it.read_only))
            .collect();
        assert_eq!(
            summary,
            [
                (36, (98, 0), "/mnt2", "ext3", false),
                (40, (8, 17), "/media/KIOSK STICK\\x", "vfat", true),
                (41, (0, 55), "/media/b", "tmpfs", true),
            ]
        );
    }

    #[test]
    fn only_whole_escapes_are_undone() {
        for (text, expect) in [("a\\040b", "a b"), ("a\\04", "a\\04"), ("a\\", "a\\"), ("\\777", "\\777")] {
            assert_eq!(unescape(text.as_bytes()), expect.as_bytes());
        }
    }
}
