use super::{Error, disk::Space};
use crate::limits;

/// What a file takes on the disk beyond its bytes: the rest of its last block.
const BLOCK: u64 = 4096;

/// The bytes of disk that files of these sizes take.
pub(super) fn needed(sizes: impl IntoIterator<Item = u64>) -> u64 {
    // A sum that overflows fits on no disk, and is refused as such.
    sizes.into_iter().fold(0, |sum: u64, size| {
        sum.saturating_add(size.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX))
    })
}

/// Whether `needed` more bytes may be written, so that [`limits::FREE_PERCENT`] of the disk stay free.
pub(super) fn check(needed: u64, disk: Space) -> Result<(), Error> {
    let reserve = disk.total / 100 * limits::FREE_PERCENT;
    match needed.checked_add(reserve) {
        Some(sum) if sum <= disk.free => Ok(()),
        // The very same bundle again needs nothing, and a full disk is no reason to refuse it.
        _ if needed == 0 => Ok(()),
        _ => Err(Error::Space { needed, free: disk.free, reserve }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_room(sizes: &[u64], total: u64, free: u64, expect: bool) {
        assert_eq!(check(needed(sizes.iter().copied()), Space { total, free }).is_ok(), expect);
    }

    #[test]
    fn some_of_the_disk_stays_free() {
        check_room(&[], 100_000, 0, true);
        check_room(&[1], 100_000, 7_096, true);
        check_room(&[1], 100_000, 7_095, false);
        check_room(&[4096, 4097], 100_000, 15_288, true);
        check_room(&[4096, 4097], 100_000, 15_287, false);
        check_room(&[u64::MAX, u64::MAX], u64::MAX, u64::MAX, false);
        check_room(&[u64::MAX - 4096], u64::MAX, u64::MAX, false);
    }
}
