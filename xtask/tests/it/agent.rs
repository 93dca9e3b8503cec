//! The next agent travels with a bundle that only it can read.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use airlock::{
    bundle::AgentVersion,
    digest::Digest,
    reconcile::{Anchor, Memory, Node, Profile, Verdict, begin},
    store::{RealDisk, Store},
    trust::Audience,
};
use xtask::{bundle, root};

use crate::hands::Hands;

/// A node whose agent is of this version.
fn node(hands: &Hands, name: &str, version: &str) -> Node {
    let folder = hands.path(name);
    let envelope = fs::read(hands.path("trust/0001.root.dsse")).unwrap();
    let digest = airlock::bundle::Unverified::read("root", envelope.clone()).unwrap().payload_digest();
    let disk = || Arc::new(RealDisk::open(&folder).unwrap());
    if !folder.exists() {
        fs::create_dir(&folder).unwrap();
        let anchor = Anchor { envelope, digest, how: "sha256".into(), minimum: None };
        begin(disk(), &anchor, "0123456789abcdef0123456789abcdef".into(), hands.world.now).unwrap();
    }
    let channels = vec!["platform".parse().unwrap()];
    let audience = Audience { cluster: "ship-7".parse().unwrap(), channels, wildcards: false };
    let version: AgentVersion = version.parse().unwrap();
    let profile = Profile {
        cluster: "ship-7".parse().unwrap(),
        terms: Profile::terms(vec![audience], version, "amd64".into(), None),
        site: hands.path("site.yaml"),
        auto: true,
        budget: airlock::plan::Budget::default(),
        keep: 3,
    };
    let (store, state, _) = Store::open(disk(), None).unwrap();
    let memory = Memory::load(&store, state).unwrap();
    let now = hands.world.now;
    Node::over(store, memory, profile, None, Arc::new(move || now), Vec::new())
}

fn import(hands: &Hands, node: &Node, path: &Path) -> Verdict {
    let quiet: airlock::reconcile::accept::OnBytes = Arc::new(|_, _| ());
    node.import(&[path.to_owned()], hands.world.now, &quiet).media.remove(0).verdict
}

#[test]
fn a_node_that_is_too_old_takes_its_successor_from_the_stick() {
    let mut hands = Hands::new();
    for name in ["a", "b", "d", "e", "s", "t"] {
        hands.key(name);
    }
    let mut edit = hands.edit(hands.holders(2, &["a", "b"]), hands.holders(2, &["d", "e"]));
    edit.agent = Some(hands.holders(2, &["s", "t"]));
    let file = root::init(&hands.path("trust"), &edit, &mut hands.world).unwrap();
    for key in ["a", "b"] {
        root::sign(&file, &hands.path(key), &hands.world).unwrap();
    }
    // Programs for two machines, and a statement that two people sign.
    for (name, text) in [("new-amd64", "the next agent"), ("new-arm64", "the same for others")] {
        fs::write(hands.path(name), text).unwrap();
    }
    let programs =
        [("amd64".to_owned(), hands.path("new-amd64")), ("arm64".to_owned(), hands.path("new-arm64"))];
    let (statement, trust) = (hands.path("bundles/web/agent.dsse"), hands.path("trust"));
    let version: AgentVersion = "9.1.0".parse().unwrap();
    let sign =
        |key: &str| bundle::agent(version, &programs, &hands.path(key), &statement, &trust, &hands.world);
    fs::create_dir_all(hands.path("bundles/web/manifests")).unwrap();
    assert!(sign("d").unwrap_err().to_string().contains("not of the agent role"));
    assert!(sign("s").unwrap().contains("not yet"));
    fs::write(
        hands.path("bundles/web/manifests/a.yaml"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: web}\n",
    )
    .unwrap();
    fs::write(
        hands.path("bundles/web/bundle.yaml"),
        "name: web\nchannel: platform\naudience: [ship-7]\nrequiresAgent: 9.1.0\nentries:\n\
         - {name: web, kind: manifests, from: manifests}\n\
         agent:\n  statement: agent.dsse\n  binaries: [../../new-amd64, ../../new-arm64]\n",
    )
    .unwrap();
    let early = bundle::build(&hands.options("web"), &hands.world).unwrap_err().to_string();
    assert!(early.contains("1 of the 2 keys") && early.contains("bundle.yaml:"), "{early}");
    assert!(sign("t").unwrap().contains("signed by 2 of 2"));
    let built = hands.built(&hands.options("web"), &["d", "e"]);

    let old = node(&hands, "old", "0.1.0");
    let Verdict::Refused(report) = import(&hands, &old, &built.directory) else { panic!("it was taken") };
    assert_eq!(report.code, "agent");
    assert!(report.hint.as_ref().unwrap().contains("it brings agent 9.1.0"), "{report:?}");
    let platform = "platform".parse().unwrap();
    let to = hands.path("successor");
    let (found, _) = old.extract_agent(&platform, Some(&built.directory), &to).unwrap();
    assert_eq!((found, fs::read_to_string(&to).unwrap().as_str()), (version, "the next agent"));
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o755);

    // The successor reads the bundle, and hands on to the next site what it came by.
    let new = node(&hands, "new", "9.1.0");
    let verdict = import(&hands, &new, &built.directory);
    assert!(matches!(verdict, Verdict::Accepted(_)), "{verdict:?}");
    let out = hands.path("onward");
    new.export(&platform, None, &out, &|_, _, _| ()).unwrap();
    assert_eq!(fs::read(out.join("agent.dsse")).unwrap(), fs::read(&statement).unwrap());
    let again = hands.path("again");
    new.extract_agent(&platform, Some(&out), &again).unwrap();
    new.extract_agent(&platform, None, &again).unwrap();
    assert_eq!(fs::read(&again).unwrap(), fs::read(&to).unwrap());
    // An agent goes to a newer one only.
    let newer = node(&hands, "newer", "9.2.0");
    let refused = newer.extract_agent(&platform, Some(&out), &again).unwrap_err();
    assert_eq!(refused.code, "rollback");
    // A program that is not the one that was signed leaves nothing.
    let program = Digest::of(b"the next agent");
    fs::write(out.join(format!("blobs/sha256/{}", program.hex())), "a backdoored one").unwrap();
    let lost = hands.path("lost");
    assert_eq!(old.extract_agent(&platform, Some(&out), &lost).unwrap_err().code, "tampered");
    assert!(!lost.exists() && !hands.path("lost.part").exists());
}
