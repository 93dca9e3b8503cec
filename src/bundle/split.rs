use super::Inventory;
use crate::{digest::Digest, limits};

/// One file under `blobs/` of a medium: a blob, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Piece {
    /// Its digest, which names the file.
    pub digest: Digest,
    /// Its exact size in bytes.
    pub size: u64,
    /// Where it is cut from, when it is a part.
    pub slice: Option<Slice>,
}

/// Which bytes of which blob a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slice {
    /// The blob.
    pub blob: Digest,
    /// The first byte of the part in it.
    pub offset: u64,
}

/// How files lie on a medium, which decides what they cost beside their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Files of a directory: the last cluster is filled up, and a name takes entries of its directory.
    Directory,
    /// A tar: a header block, and the last block is filled up.
    Tar,
}

impl Form {
    /// What a file of `size` bytes takes.
    pub fn cost(self, size: u64) -> u64 {
        // 64 KiB is the largest cluster that Windows makes on sticks below 16 TB; a name of 64 characters takes
        // seven entries of 32 bytes.
        let (head, block) = match self {
            Self::Directory => (7 * 32, 64 * 1024),
            Self::Tar => (512, 512),
        };
        size.checked_next_multiple_of(block).and_then(|size| size.checked_add(head)).unwrap_or(u64::MAX)
    }
}

/// What each volume offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Its size in bytes.
    pub volume: u64,
    /// What every volume carries: roots, envelopes, labels, inventory and release, at [`Form::cost`].
    pub fixed: u64,
    /// How files lie on it.
    pub form: Form,
}

/// What one volume carries beside what all of them do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumePlan {
    /// The pieces, in ascending order of digests as a tar has them.
    pub pieces: Vec<Piece>,
    /// What they and the fixed things take.
    pub bytes: u64,
}

/// A piece that fits no volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{digest} of {size} bytes does not fit a volume of {volume}; build the bundle with smaller parts")]
pub struct TooLarge {
    /// The piece.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The size of a volume.
    pub volume: u64,
}

/// All pieces of an inventory, each once, in ascending order of digests.
pub fn pieces(inventory: &Inventory) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(inventory.len());
    for blob in inventory.iter() {
        let mut offset = 0_u64;
        for part in blob.pieces() {
            let slice = (!blob.parts.is_empty()).then_some(Slice { blob: blob.digest, offset });
            pieces.push(Piece { digest: part.digest, size: part.size, slice });
            // `Inventory::parse` has checked that parts add up to the blob's size.
            offset = offset.saturating_add(part.size);
        }
    }
    // A blob of its own sorts before the same bytes as a part, and is the cheaper source.
    pieces.sort_unstable();
    pieces.dedup_by_key(|piece| piece.digest);
    pieces
}

/// The sizes of the parts of a blob of `size` bytes where no part may be larger than `largest`: none where it need not
/// be cut.
pub fn part_sizes(size: u64, largest: u64) -> Vec<u64> {
    if size <= largest || largest == 0 {
        return Vec::new();
    }
    let whole = size / largest;
    let last = size % largest;
    (0..whole).map(|_| largest).chain((last > 0).then_some(last)).collect()
}

/// Shares pieces out over volumes, the largest first, each into the first volume that has room for it. The same pieces
/// and the same room give the same volumes. There is always at least one.
///
/// # Errors
/// The largest piece, when a volume cannot hold it beside what every volume carries.
pub fn split(pieces: &[Piece], room: Room) -> Result<Vec<VolumePlan>, TooLarge> {
    let mut largest_first: Vec<&Piece> = pieces.iter().collect();
    largest_first.sort_unstable_by(|a, b| b.size.cmp(&a.size).then(a.digest.cmp(&b.digest)));
    let mut volumes = vec![VolumePlan { pieces: Vec::new(), bytes: room.fixed }];
    // Volumes before this one have no room for the smallest piece, so a million pieces do not look at full ones.
    let smallest = largest_first.last().map_or(0, |piece| room.form.cost(piece.size));
    let mut first_open = 0;
    for piece in largest_first {
        let cost = room.form.cost(piece.size);
        let fits = |volume: &VolumePlan| {
            let bytes = volume.bytes.checked_add(cost).filter(|bytes| *bytes <= room.volume)?;
            // Beyond this many files FAT grows slow; a tar has no such end.
            let few = room.form == Form::Tar || volume.pieces.len() < limits::BLOBS_PER_DIRECTORY;
            few.then_some(bytes)
        };
        let place = volumes.iter_mut().skip(first_open).find_map(|volume| {
            let bytes = fits(volume)?;
            Some((volume, bytes))
        });
        match place {
            Some((volume, bytes)) => {
                volume.pieces.push(*piece);
                volume.bytes = bytes;
            }
            None => {
                let mut volume = VolumePlan { pieces: Vec::new(), bytes: room.fixed };
                volume.bytes = fits(&volume).ok_or(TooLarge {
                    digest: piece.digest,
                    size: piece.size,
                    volume: room.volume,
                })?;
                volume.pieces.push(*piece);
                volumes.push(volume);
            }
        }
        let full = |volume: &VolumePlan| {
            volume.bytes.saturating_add(smallest) > room.volume
                || (room.form == Form::Directory && volume.pieces.len() >= limits::BLOBS_PER_DIRECTORY)
        };
        while volumes.get(first_open).is_some_and(full) && first_open + 1 < volumes.len() {
            first_open += 1;
        }
    }
    for volume in &mut volumes {
        volume.pieces.sort_unstable();
    }
    Ok(volumes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(number: u32, size: u64) -> Piece {
        Piece { digest: Digest::of(&number.to_be_bytes()), size, slice: None }
    }

    #[track_caller]
    fn check(sizes: &[u64], room: Room, expect: Result<usize, u64>) {
        let pieces: Vec<Piece> = (0..).zip(sizes).map(|(number, size)| piece(number, *size)).collect();
        match (split(&pieces, room), expect) {
            (Ok(volumes), Ok(count)) => {
                assert_eq!(volumes.len(), count);
                let mut all: Vec<Piece> = volumes.iter().flat_map(|it| it.pieces.clone()).collect();
                all.sort_unstable();
                let mut wanted = pieces;
                wanted.sort_unstable();
                assert_eq!(all, wanted, "every piece is on exactly one volume");
                for volume in &volumes {
                    let cost: u64 = volume.pieces.iter().map(|it| room.form.cost(it.size)).sum();
                    assert_eq!(volume.bytes, room.fixed + cost);
                    assert!(volume.bytes <= room.volume || volume.pieces.is_empty());
                    assert!(volume.pieces.is_sorted());
                    assert!(room.form == Form::Tar || volume.pieces.len() <= limits::BLOBS_PER_DIRECTORY);
                }
            }
            (Err(error), Err(size)) => assert_eq!(error.size, size),
            (result, _) => panic!("{result:?}"),
        }
    }

    #[test]
    fn volumes_hold_what_fits() {
        let room = |volume| Room { volume, fixed: 1024, form: Form::Tar };
        check(&[], room(2048), Ok(1));
        check(&[512], room(2048), Ok(1));
        check(&[513], room(2048), Err(513));
        check(&[512, 512], room(2048), Ok(2));
        check(&[1536, 512, 512], room(3072), Ok(2));
        check(&[1, 1, 1, 1], room(4096), Ok(2));
        check(&[u64::MAX], room(u64::MAX), Err(u64::MAX));
        check(&vec![10; 25_000], Room { volume: u64::MAX, fixed: 0, form: Form::Directory }, Ok(3));
        check(&vec![10; 25_000], Room { volume: u64::MAX, fixed: 0, form: Form::Tar }, Ok(1));
    }

    #[test]
    fn parts_add_up() {
        let fat = limits::FAT_FILE_BYTES;
        for (size, largest, expect) in [
            (0, 10, vec![]),
            (10, 10, vec![]),
            (11, 10, vec![10, 1]),
            (30, 10, vec![10, 10, 10]),
            (10, 0, vec![]),
            (2 * fat + 1, fat, vec![fat, fat, 1]),
        ] {
            assert_eq!(part_sizes(size, largest), expect);
        }
    }
}
