//! Media that are cut short, changed, or change while they are read.

use super::*;

/// Cut at every block: what lies before the cut is whole, what lies behind it is missing, nothing is wrong.
#[test]
fn a_truncated_tar_keeps_its_good_blobs() {
    let place = tempfile::tempdir().unwrap();
    let (contents, stock) = bundle(1, 30);
    let path = place.path().join("whole.tar");
    write_one_tar(&path, &contents, &stock);
    let bytes = fs::read(&path).unwrap();
    let total = all(&contents).len();
    let mut last = 0;
    let mut cuts: Vec<usize> = (512..bytes.len()).step_by(512).collect();
    cuts.extend((512..bytes.len()).step_by(1777));
    cuts.sort_unstable();
    for cut in cuts {
        let path = place.path().join("cut.tar");
        fs::write(&path, &bytes[..cut]).unwrap();
        let medium = TarMedium::open(&path).unwrap();
        assert!(medium.is_truncated());
        let whole = whole(&medium, &contents);
        assert!(last <= whole && whole <= total, "cut at {cut}");
        last = whole;
    }
    assert_eq!(last, total, "the last cut takes only the end");
}

/// Every byte of a tar changed: the medium is refused, or whatever is read from it is right.
#[test]
fn a_changed_byte_is_refused_or_harmless() {
    let place = tempfile::tempdir().unwrap();
    let (contents, stock) = bundle(1, 3);
    let path = place.path().join("it.tar");
    write_one_tar(&path, &contents, &stock);
    let bytes = fs::read(&path).unwrap();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    let total = all(&contents).len();
    let (mut refused, mut missing) = (0, 0);
    for (at, byte) in bytes.iter().enumerate() {
        file.write_all_at(&[byte ^ 1], at as u64).unwrap();
        match TarMedium::open(&path) {
            Ok(medium) => missing += usize::from(whole(&medium, &contents) < total),
            Err(_) => refused += 1,
        }
        file.write_all_at(&[*byte], at as u64).unwrap();
    }
    // Headers are refused; content is missing; padding and the documents are for others to judge.
    assert!(refused > 512 * total && missing > 10_000, "{refused} {missing} of {}", bytes.len());
}

/// A layout with its files cut short, empty, flipped, growing: only whole blobs are read.
#[test]
fn a_damaged_directory_keeps_its_good_blobs() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("medium");
    let (contents, stock) = bundle(1, 12);
    write(&directory, &contents, &stock).unwrap();
    let piece = *contents.pieces.iter().find(|it| it.size == 5000).unwrap();
    let path = directory.join(Item::Blob(piece.digest).to_string());
    let good = fs::read(&path).unwrap();
    let total = all(&contents).len();
    let rows: &[(&str, Vec<u8>)] = &[
        ("empty", Vec::new()),
        ("one byte short", good[..4999].to_vec()),
        ("half", good[..2500].to_vec()),
        ("zeros after half, as after a power cut", [&good[..2500], &[0; 2500][..]].concat()),
        ("one byte long", [&good[..], b"x"].concat()),
        ("twice", [&good[..], &good[..]].concat()),
        ("first bit", good.iter().enumerate().map(|(at, c)| if at == 0 { c ^ 1 } else { *c }).collect()),
        ("last bit", good.iter().enumerate().map(|(at, c)| if at == 4999 { c ^ 128 } else { *c }).collect()),
        ("another blob", noise(99, 5000)),
    ];
    for (what, bytes) in rows {
        fs::write(&path, bytes).unwrap();
        let medium = DirectoryMedium::open(&directory).unwrap();
        assert!(read(&medium, &piece).is_none(), "{what}");
        assert_eq!(whole(&medium, &contents), total - 1, "{what}");
        let volumes = Volumes::new(vec![Arc::new(medium)]).unwrap();
        let survey = volumes.survey(&[Part { digest: piece.digest, size: piece.size }]);
        let short = bytes.len() != good.len();
        assert_eq!(survey.missing.len(), usize::from(short), "{what}: sizes are seen before content");
        assert_eq!(survey.damaged.len(), usize::from(short), "{what}");
        // The next copying puts it right, and only it.
        let written = write(&directory, &contents, &stock).unwrap();
        assert_eq!((written.written, written.kept), (1, total as u64 - 1), "{what}");
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(whole(&DirectoryMedium::open(&directory).unwrap(), &contents), total - 1);
}

/// A file that is still being written when it is opened ends where it ended then.
#[test]
fn a_growing_blob_is_not_whole() {
    let place = tempfile::tempdir().unwrap();
    let bytes = noise(1, 300_000);
    let piece = Piece { digest: Digest::of(&bytes), size: bytes.len() as u64, slice: None };
    fs::create_dir_all(place.path().join("blobs/sha256")).unwrap();
    let path = place.path().join(Item::Blob(piece.digest).to_string());
    fs::write(&path, &bytes[..100_000]).unwrap();
    let medium = DirectoryMedium::open(place.path()).unwrap();
    let opened = medium.open(Item::Blob(piece.digest)).unwrap().unwrap();
    assert_eq!(opened.size, 100_000);
    OpenOptions::new().append(true).open(&path).unwrap().write_all(&bytes[100_000..]).unwrap();
    let mut seen = Vec::new();
    { opened.reader }.read_to_end(&mut seen).unwrap();
    assert_eq!(seen.len(), 100_000, "what came later was not there when it was judged");
    assert_eq!(read(&medium, &piece), Some(bytes), "and the next look sees it");
}

/// A file that is swapped or changed under the reader's hands: the bytes that were hashed are the bytes that are used.
#[test]
fn a_medium_that_changes_while_it_is_read() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("medium");
    let (contents, stock) = bundle(1, 6);
    write(&directory, &contents, &stock).unwrap();
    let piece = *contents.pieces.iter().find(|it| it.size == 5000).unwrap();
    let item = Item::Blob(piece.digest);
    let path = directory.join(item.to_string());
    let medium = DirectoryMedium::open(&directory).unwrap();
    let good = read(&medium, &piece).unwrap();

    // Replaced after it was opened: the old file is read to its end.
    let opened = medium.open(item).unwrap().unwrap();
    fs::write(directory.join("new"), noise(7, 5000)).unwrap();
    fs::rename(directory.join("new"), &path).unwrap();
    assert_eq!(digest::read_exact(opened.reader, piece.digest, piece.size).unwrap(), good);
    assert!(read(&medium, &piece).is_none());

    // Overwritten after half of it was read.
    fs::write(&path, &good).unwrap();
    let mut reader =
        digest::Checked::new(medium.open(item).unwrap().unwrap().reader, piece.digest, piece.size);
    let mut half = vec![0; 2500];
    reader.read_exact(&mut half).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().write_all_at(&[0; 100], 4000).unwrap();
    assert!(reader.read_to_end(&mut half).is_err(), "the last bytes are not handed on");

    // Cut after half of it was read.
    fs::write(&path, &good).unwrap();
    let mut reader =
        digest::Checked::new(medium.open(item).unwrap().unwrap().reader, piece.digest, piece.size);
    let mut half = vec![0; 2500];
    reader.read_exact(&mut half).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(3000).unwrap();
    assert!(reader.read_to_end(&mut half).is_err());

    // Made a link after it was listed.
    fs::remove_file(&path).unwrap();
    symlink("/etc/passwd", &path).unwrap();
    assert!(medium.open(item).unwrap_err().to_string().contains("symbolic link"));

    // The directory itself replaced by a link: what was opened is what is read.
    let moved = place.path().join("moved");
    fs::rename(&directory, &moved).unwrap();
    symlink("/etc", &directory).unwrap();
    assert_eq!(document(&medium, Item::Bundle), Some(contents.bundle.clone()));

    // A tar that is cut after it was indexed.
    let path = place.path().join("it.tar");
    write_one_tar(&path, &contents, &stock);
    let tar = TarMedium::open(&path).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(4096).unwrap();
    assert!(read(&tar, &piece).is_none());
    fs::write(&path, vec![b'x'; 100_000]).unwrap();
    assert!(read(&tar, &piece).is_none());
}

/// Offsets and sizes beyond 32 and 33 bits; what a reader that lost the high bits would find there is a decoy.
#[test]
fn offsets_beyond_four_gigabytes() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("huge.tar");
    let file = File::create(&path).unwrap();
    let content = b"beyond".to_vec();
    let (low, high) = (Digest::from_hex(&"1".repeat(64)).unwrap(), Digest::of(&content));
    let name = |digest: Digest| Item::Blob(digest).to_string();
    let mut at = 0;
    let mut put = |entry: Entry, size: u64| {
        file.write_all_at(&entry.bytes(), at).unwrap();
        let offset = at + 512;
        at = offset + size.next_multiple_of(512);
        offset
    };
    put(named("bundle.dsse"), 2);
    let nine = 9 << 30;
    let mut field = [0; 12];
    field[0] = 0x80;
    field[4..].copy_from_slice(&u64::to_be_bytes(nine));
    let first = put(Entry::new(name(low), b'0', "").size(&field), nine);
    let second = put(Entry::new(name(high), b'0', &content), content.len() as u64);
    let decoy = second % (1 << 32);
    assert!(decoy < first + nine && second > 1 << 33);
    file.write_all_at(b"decoy!", decoy).unwrap();
    file.set_len(at + 1024).unwrap();
    drop(file);

    let medium = TarMedium::open(&path).unwrap();
    assert!(!medium.is_truncated());
    assert_eq!(medium.open(Item::Blob(low)).unwrap().unwrap().size, nine);
    let piece = Piece { digest: high, size: content.len() as u64, slice: None };
    assert_eq!(read(&medium, &piece), Some(content));

    let sparse = place.path().join(Item::Blob(low).to_string());
    fs::create_dir_all(sparse.parent().unwrap()).unwrap();
    File::create(&sparse).unwrap().set_len(5 << 30).unwrap();
    let medium = DirectoryMedium::open(place.path()).unwrap();
    assert_eq!(medium.open(Item::Blob(low)).unwrap().unwrap().size, 5 << 30);
}
