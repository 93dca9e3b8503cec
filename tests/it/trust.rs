//! The gate, the chain and the policy, asked directly. The whole hostile table runs through `import` in `hostile.rs`.

use std::collections::BTreeMap;

use airlock::{
    bundle::{AgentVersion, Role, Statement, TrustRoot, Unverified, encode},
    digest::Digest,
    fault::Fault,
    trust::{
        Audience, Policy, Standing, Verified, agent, anchor, card, readmit, rewalk,
        state::{ChannelState, HeldFloor, RootRef},
        walk,
    },
};

use crate::support::kit::{Cargo, Person, day, envelope, first_root, next_root, sealed, statement};

const ROOTERS: &[&str] = &["rosa", "rolf"];

fn anchored(root: &TrustRoot) -> Verified<TrustRoot> {
    let envelope = envelope(Role::Root, root, ROOTERS);
    anchor(&envelope, envelope.payload_digest()).unwrap()
}

fn cargo() -> Cargo {
    Cargo::of(b"a tree", 6, &[])
}

/// Judges a bundle of channel `platform` on day 3, after bundle 1 was accepted; gives the refusal's code.
#[track_caller]
fn check(envelope: &Unverified, expect: &str) {
    let root = anchored(&first_root());
    let audience = Audience {
        cluster: "ship-7".parse().unwrap(),
        channels: vec!["platform".parse().unwrap(), "team".parse().unwrap()],
        wildcards: false,
    };
    let agent = AgentVersion { major: 0, minor: 1, patch: 0 };
    let policy = Policy { root: &root, audience: &audience, time_floor: day(1), agent };
    let first = sealed(Role::Bundle, &statement(&root, 1, &cargo()), &["bea", "ben"]);
    let first = Unverified::read("it", first).unwrap().payload_digest();
    let position = statement(&root, 1, &cargo()).position();
    let history =
        ChannelState { floor: Some(HeldFloor { position, digest: Some(first) }), ..Default::default() };
    let verdict = match policy.verify(envelope, |_| history, day(3)) {
        Ok(judged) if judged.standing == Standing::Same => "same",
        Ok(_) => "new",
        Err(refusal) => refusal.code(),
    };
    assert_eq!(verdict, expect);
}

fn bundle(sequence: u64, change: impl FnOnce(&mut Statement)) -> Statement {
    let mut bundle = statement(&first_root(), sequence, &cargo());
    change(&mut bundle);
    bundle
}

#[test]
fn bundles_are_judged_in_order() {
    let by = |statement: &Statement, people: &[&str]| envelope(Role::Bundle, statement, people);
    let good = bundle(2, |_| ());
    check(&by(&good, &["bea", "ben"]), "new");
    check(&by(&good, &["bea", "ben", "bo", "mallory"]), "new");
    check(&by(&bundle(1, |_| ()), &["bea", "ben"]), "same");
    check(&by(&bundle(1, |it| it.audience.push("ship-8".into())), &["bea", "ben"]), "equivocation");
    check(&by(&good, &[]), "threshold");
    check(&by(&good, &["bea"]), "threshold");
    check(&by(&good, &["bea", "bea"]), "threshold");
    check(&by(&good, &["bea", "mallory"]), "threshold");
    check(&by(&good, &["rosa", "rolf", "rita"]), "threshold");
    check(&by(&good, &["tom"]), "threshold");
    check(&by(&bundle(2, |it| it.channel = "team".parse().unwrap()), &["bea", "ben"]), "threshold");
    check(&by(&bundle(2, |it| it.channel = "team".parse().unwrap()), &["tom"]), "new");
    check(&by(&bundle(2, |it| it.channel = "other".parse().unwrap()), &["bea", "ben"]), "threshold");
    check(&by(&bundle(2, |it| it.r#type = "card".into()), &["bea", "ben"]), "type");
    check(&by(&bundle(2, |it| it.format = 2), &["bea", "ben"]), "format");
    check(&by(&bundle(2, |it| it.needs = vec!["teleport".parse().unwrap()]), &["bea", "ben"]), "needs");
    check(&by(&bundle(2, |it| it.requires_agent.minor = 2), &["bea", "ben"]), "agent");
    check(&by(&bundle(2, |it| it.audience = vec!["ship-8".into()]), &["bea", "ben"]), "audience");
    check(&by(&bundle(2, |it| it.audience = vec!["*".into()]), &["bea", "ben"]), "audience");
    check(&by(&bundle(2, |it| it.epoch = 2), &["bea", "ben"]), "epoch");
    check(&by(&bundle(2, |it| it.root_version = 2), &["bea", "ben"]), "root_behind");
    check(&by(&bundle(20_000, |it| it.created = day(2)), &["bea", "ben"]), "jump");
    check(&by(&bundle(2, |it| it.created = day(5)), &["bea", "ben"]), "time_jump");
    check(&by(&bundle(2, |it| it.accept_until = day(2)), &["bea", "ben"]), "expired");
}

#[test]
fn a_signature_of_another_role_is_worth_nothing() {
    let good = bundle(2, |_| ());
    let payload = serde_json::to_vec(&good).unwrap();
    let both = |role| [Person::named("bea"), Person::named("ben")].map(|it| it.sign(role, &payload));
    check(&Unverified::read("it", encode(Role::Card, &payload, &both(Role::Card))).unwrap(), "type");
    check(&Unverified::read("it", encode(Role::Bundle, &payload, &both(Role::Card))).unwrap(), "threshold");
    let [bea, ben] = [Person::named("bea"), Person::named("ben")];
    let signed = |a, b| Unverified::read("it", encode(Role::Bundle, &payload, &[a, b])).unwrap();
    check(&signed(bea.sshsig(Role::Bundle, &payload), ben.sign(Role::Bundle, &payload)), "new");
    check(&signed(bea.sshsig(Role::Root, &payload), ben.sign(Role::Bundle, &payload)), "threshold");
    // One key under two schemes is one signer.
    check(&signed(bea.sshsig(Role::Bundle, &payload), bea.sign(Role::Bundle, &payload)), "threshold");
}

#[test]
fn the_chain_is_walked_by_old_and_new_keys() {
    let first = first_root();
    let start = anchored(&first);
    let known = BTreeMap::from([(1, start.digest())]);
    let walked = |offered: &[(u32, Unverified)]| {
        let walk = walk(&start, &known, &offered.iter().cloned().collect());
        (walk.learned.len(), walk.stopped.map(|it| it.code()))
    };
    let second = next_root(&first);
    let signed = |root: &TrustRoot, by: &[&str]| (root.version, envelope(Role::Root, root, by));
    assert_eq!(walked(&[signed(&second, ROOTERS)]), (1, None));
    assert_eq!(walked(&[signed(&second, &["rosa"])]), (0, Some("threshold")));
    let mut third = next_root(&second);
    third.roles.root.keys.retain(|id| *id != Person::named("rosa").id());
    assert_eq!(walked(&[signed(&second, ROOTERS), signed(&third, &["rolf", "rita"])]), (2, None));
    assert_eq!(walked(&[signed(&second, ROOTERS), signed(&third, ROOTERS)]), (1, Some("threshold")));
    assert_eq!(walked(&[signed(&third, &["rolf", "rita"])]), (0, Some("root_gap")));
    let mut fork = first.clone();
    fork.expires = day(300);
    assert_eq!(walked(&[signed(&fork, ROOTERS)]), (0, Some("root_fork")));
    let mut leap = second.clone();
    leap.epoch = 3;
    assert_eq!(walked(&[signed(&leap, ROOTERS)]), (0, Some("root_chain")));

    let kept: BTreeMap<u32, Unverified> = [signed(&first, ROOTERS), signed(&second, ROOTERS)].into();
    let at = |version: u32, digest: Digest| RootRef { version, digest };
    let newest = kept[&2].payload_digest();
    assert_eq!(rewalk(at(1, start.digest()), at(2, newest), &kept).unwrap().len(), 2);
    assert_eq!(rewalk(at(1, start.digest()), at(2, start.digest()), &kept).unwrap_err().code(), "root_fork");
    assert_eq!(rewalk(at(1, newest), at(2, newest), &kept).unwrap_err().code(), "anchor");
    assert_eq!(rewalk(at(1, start.digest()), at(3, newest), &kept).unwrap_err().code(), "root_gap");
}

#[test]
fn agents_and_cards_have_their_own_signers() {
    let root = anchored(&first_root());
    let domain = &root.domain;
    let statement = serde_json::json!({"type": "agent", "format": 1, "domain": domain, "version": "0.2.0", "binaries": []});
    assert!(agent(&root, &envelope(Role::Agent, &statement, &["ada"])).is_ok());
    assert_eq!(
        agent(&root, &envelope(Role::Agent, &statement, &["bea", "ben"])).unwrap_err().code(),
        "threshold"
    );
    let told = serde_json::json!({"type": "card", "format": 1, "domain": domain, "channel": "platform", "epoch": 1,
        "sequence": 9, "digest": Digest::of(b""), "created": day(9)});
    assert!(card(&root, &envelope(Role::Card, &told, &["cora"])).is_ok());
    assert_eq!(card(&root, &envelope(Role::Card, &told, &["ada"])).unwrap_err().code(), "threshold");
}

#[test]
fn what_was_accepted_is_verified_again_under_its_own_root() {
    let root = anchored(&first_root());
    let mut later = next_root(&root);
    later.channels.clear();
    let later = anchored(&later);
    let old = envelope(Role::Bundle, &bundle(2, |it| it.accept_until = it.created), &["bea", "ben"]);
    assert!(readmit(&root, &old).is_ok());
    assert_eq!(readmit(&later, &old).unwrap_err().code(), "threshold");
}
