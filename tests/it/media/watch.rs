//! Hearing of sticks.

use super::*;

/// A mount that ends with the test.
struct Mounted(PathBuf);

impl Mounted {
    /// None where this process may not mount.
    fn new(arguments: &[&str], point: &Path) -> Option<Self> {
        fs::create_dir_all(point).unwrap();
        let output = Command::new("mount").args(arguments).arg(point).output().unwrap();
        output.status.success().then(|| Self(point.to_owned()))
    }

    fn remount(&self, how: &str) {
        run("mount", &[Path::new("-o"), Path::new(&format!("remount,{how}")), &self.0]);
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).output();
    }
}

/// Waits until all of `expect` have come, and returns all that came.
#[track_caller]
fn wait_for(watch: &mut Watch, expect: &[Event]) -> Vec<Event> {
    let mut came = Vec::new();
    for _ in 0..100 {
        came.extend(watch.wait(Some(Duration::from_millis(100))).unwrap());
        if expect.iter().all(|it| came.contains(it)) {
            return came;
        }
    }
    panic!("{expect:?} is not in {came:?}");
}

#[test]
fn files_that_arrive_are_heard() {
    let place = tempfile::tempdir().unwrap();
    let top = fs::canonicalize(place.path()).unwrap();
    let (contents, stock) = bundle(1, 3);
    write(&top.join("before"), &contents, &stock).unwrap();
    let mut watch = Watch::new(&top).unwrap();
    assert_eq!(watch.wait(Some(Duration::ZERO)).unwrap(), [Event::Look(top.clone())]);
    assert_eq!(watch.wait(Some(Duration::ZERO)).unwrap(), []);

    write(&top.join("later"), &contents, &stock).unwrap();
    wait_for(&mut watch, &[Event::Arrived(top.join("later/bundle.dsse"))]);
    write(&top.join("before"), &contents, &stock).unwrap();
    wait_for(&mut watch, &[Event::Arrived(top.join("before/bundle.dsse"))]);
    // A tar is written under another name and heard once it has its own.
    let tar = top.join("x.tar");
    write_one_tar(&tar, &contents, &stock);
    let came = wait_for(&mut watch, &[Event::Arrived(tar.clone())]);
    assert_eq!(came, [Event::Arrived(tar.clone())]);

    // A copy in the making is heard when it is closed, not before.
    let mut file = File::create(top.join("slow.tar")).unwrap();
    file.write_all(&[0; 100]).unwrap();
    file.sync_all().unwrap();
    assert_eq!(watch.wait(Some(Duration::from_millis(200))).unwrap(), []);
    drop(file);
    wait_for(&mut watch, &[Event::Arrived(top.join("slow.tar"))]);

    // As a file manager copies, by name: `bundle.dsse` before most of what it needs. The last file is heard too.
    let elsewhere = tempfile::tempdir_in(top.parent().unwrap()).unwrap();
    let from = elsewhere.path().join("from");
    write(&from, &contents, &stock).unwrap();
    let copy = top.join("copied");
    let mut names: Vec<String> = all(&contents).iter().map(|it| Item::Blob(it.digest).to_string()).collect();
    names.extend(["agent.dsse", "bundle.dsse", "index.json", "oci-layout"].map(str::to_owned));
    names.extend(["trust/0001.root.dsse", "trust/0002.root.dsse"].map(str::to_owned));
    names.sort_unstable_by_key(|it| (it.starts_with("blobs"), it.clone()));
    for name in &names {
        fs::create_dir_all(copy.join(name).parent().unwrap()).unwrap();
        let bytes = fs::read(from.join(name)).unwrap();
        let (before, after) = bytes.split_at(bytes.len() / 2);
        let mut file = File::create(copy.join(name)).unwrap();
        file.write_all(before).unwrap();
        file.write_all(after).unwrap();
        drop(file);
        let came = watch.wait(Some(Duration::from_millis(500))).unwrap();
        let late = name.as_str() > "bundle.dsse" || name.starts_with("blobs");
        if late {
            assert_eq!(came, [Event::Arrived(copy.join("bundle.dsse"))], "{name}");
        }
    }
    check_same(&DirectoryMedium::open(&copy).unwrap(), &contents);

    // A directory that is moved in whole.
    write(&elsewhere.path().join("moved"), &contents, &stock).unwrap();
    fs::rename(elsewhere.path().join("moved"), top.join("moved")).unwrap();
    wait_for(&mut watch, &[Event::Arrived(top.join("moved/bundle.dsse"))]);

    // Other people's files, links and deeper levels are none of ours.
    fs::write(top.join("notes.txt"), "").unwrap();
    fs::create_dir(top.join("deep")).unwrap();
    fs::write(top.join("deep/x.tar"), "").unwrap();
    symlink("/etc", top.join("link")).unwrap();
    symlink("x.tar", top.join("link.tar")).unwrap();
    fs::remove_file(tar).unwrap();
    for _ in 0..5 {
        assert_eq!(watch.wait(Some(Duration::from_millis(50))).unwrap(), []);
    }
}

/// Sticks as the kernel mounts them: a file system in memory, and one in an image.
#[test]
fn mounts_come_and_go() {
    let place = tempfile::tempdir().unwrap();
    let top = fs::canonicalize(place.path()).unwrap().join("media");
    let stick = top.join("KIOSK STICK");
    fs::create_dir(&top).unwrap();
    let mut watch = Watch::new(&top).unwrap();
    wait_for(&mut watch, &[Event::Look(top.clone())]);
    let Some(mount) = Mounted::new(&["-t", "tmpfs", "-o", "size=4m,nosuid,nodev,noexec", "tmpfs"], &stick)
    else {
        println!("skipped: mounts_come_and_go needs the right to mount");
        return;
    };
    wait_for(&mut watch, &[Event::Look(stick.clone())]);
    let mounts = mounts_below(&top).unwrap();
    assert_eq!(mounts.len(), 1);
    assert_eq!((mounts[0].point.as_path(), mounts[0].file_system.as_str()), (stick.as_path(), "tmpfs"));
    assert!(!mounts[0].read_only);

    let (contents, stock) = bundle(1, 10);
    write(&stick, &contents, &stock).unwrap();
    wait_for(&mut watch, &[Event::Arrived(stick.join("bundle.dsse"))]);
    check_same(&joined(std::slice::from_ref(&stick)).unwrap(), &contents);

    // The directory above it is a path to what is mounted below.
    check_same(&joined(std::slice::from_ref(&top)).unwrap(), &contents);

    // A stick that is full, with the words for it; nothing half is left.
    let mut large = contents.clone();
    let mut large_stock = stock.clone();
    large.pieces.push(large_stock.add(noise(5, 5 << 20)));
    large.pieces.sort_unstable();
    check(write(&stick.join("large"), &large, &large_stock).map(|_| ()), "full");
    let mut quarter = contents.clone();
    quarter.pieces.extend((0..4).map(|it| large_stock.add(noise(it, 1 << 20))));
    let supply = FromBlobs(&large_stock);
    let result = write_volumes(&stick, "x", &quarter, 1_200_000, &supply, &mut |_| ());
    check(result.map(|_| ()), "full");
    assert_eq!(find(&stick).unwrap().media.len(), 1, "not one of the volumes was begun");

    // Another file system mounted inside is not the medium.
    let inside = Mounted::new(&["-t", "tmpfs", "tmpfs"], &stick.join("blobs")).unwrap();
    fs::create_dir(stick.join("blobs/sha256")).unwrap();
    let medium = DirectoryMedium::open(&stick).unwrap();
    let item = Item::Blob(contents.pieces[0].digest);
    assert!(medium.open(item).unwrap_err().to_string().contains("out of the medium"));
    drop(inside);
    assert!(medium.open(item).unwrap().is_some());
    drop(medium);

    // Write-protected: words instead of a file, and a sink that says so.
    mount.remount("ro");
    assert!(mounts_below(&top).unwrap()[0].read_only);
    let Left::Words(words) = leave(&stick, wish(), None).unwrap() else { panic!("it was written") };
    assert!(words.contains("--since 3-41-"), "{words}");
    let next = bundle(2, 10);
    check(write(&stick, &next.0, &next.1).map(|_| ()), "read_only");
    mount.remount("rw");
    assert_eq!(leave(&stick, wish(), None).unwrap(), Left::Written(stick.join(WANT_LIST)));

    wait_for(&mut watch, &[]);
    drop(mount);
    wait_for(&mut watch, &[Event::Gone(stick.clone())]);
    assert_eq!(mounts_below(&top).unwrap(), []);

    // The same place again, with what was mounted before it was looked for.
    let again = Mounted::new(&["-t", "tmpfs", "tmpfs"], &stick).unwrap();
    wait_for(&mut watch, &[Event::Look(stick.clone())]);
    write_one_tar(&stick.join("disc.tar"), &contents, &stock);
    wait_for(&mut watch, &[Event::Arrived(stick.join("disc.tar"))]);
    drop(again);
    wait_for(&mut watch, &[Event::Gone(stick)]);
}

#[test]
fn a_stick_in_an_image() {
    let place = tempfile::tempdir().unwrap();
    let image = place.path().join("stick.img");
    File::create(&image).unwrap().set_len(16 << 20).unwrap();
    let made = Command::new("mkfs.ext4").arg("-q").arg(&image).output();
    let stick = fs::canonicalize(place.path()).unwrap().join("media/stick");
    fs::create_dir_all(stick.parent().unwrap()).unwrap();
    let mounted = match made {
        Ok(output) if output.status.success() => {
            Mounted::new(&["-o", "loop,nosuid,nodev,noexec", image.to_str().unwrap()], &stick)
        }
        _ => None,
    };
    let Some(mounted) = mounted else {
        println!("skipped: a_stick_in_an_image needs mkfs.ext4, a loop device and the right to mount");
        return;
    };
    let (contents, stock) = bundle(1, 20);
    // Pulled out in the middle, put in again, and finished.
    let last = contents.pieces.last().unwrap().digest;
    assert!(write_directory(&stick, &contents, &Fails(&stock, last, None), &mut |_| ()).is_err());
    drop(mounted);
    let mounted = Mounted::new(&["-o", "loop", image.to_str().unwrap()], &stick).unwrap();
    assert!(find(&stick).is_err());
    let written = write(&stick, &contents, &stock).unwrap();
    assert!(written.kept > 20, "{written:?}");
    drop(mounted);
    let mounted = Mounted::new(&["-o", "loop,ro", image.to_str().unwrap()], &stick).unwrap();
    check_same(&joined(std::slice::from_ref(&stick)).unwrap(), &contents);
    assert!(matches!(leave(&stick, wish(), None).unwrap(), Left::Words(_)));
    drop(mounted);
}
