//! Keys at rest, as OpenSSL and OpenSSH see them.

use std::os::unix::fs::PermissionsExt;

use airlock::bundle::{Role, Scheme, Signature};
use xtask::{key, key::Signer, world::Passphrase};
use zeroize::Zeroizing;

use crate::hands::{Hands, PASSPHRASE, run};

#[track_caller]
fn ok(program: &str, args: &[&str], input: &[u8]) -> Vec<u8> {
    let output = run(program, args, input);
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// OpenSSL's own decryption of PBES2 stops at 32 MiB of scrypt memory, whatever it is told, so the steps are taken one
/// by one: parameters as OpenSSL parses them, key by its scrypt, plain text by its AES. Nothing of ours is needed to
/// get at a key.
#[test]
fn openssl_alone_opens_an_encrypted_key() {
    let mut hands = Hands::new();
    let file = hands.path("alice");
    let public = key::new(&file, "alice", false, &mut hands.world).unwrap();
    let text = file.to_str().unwrap();
    let shape = String::from_utf8(ok("openssl", &["asn1parse", "-in", text], b"")).unwrap();
    let after = |name: &str, kind: &str| -> Vec<String> {
        let mut lines = shape.lines().skip_while(|line| !line.contains(name));
        assert!(lines.next().is_some(), "{name} is not in\n{shape}");
        lines
            .filter(|line| line.contains(kind))
            .map(|line| line.rsplit(':').next().unwrap().to_owned())
            .collect()
    };
    assert!(shape.contains(":PBES2"), "{shape}");
    let salt = &after(":scrypt", "OCTET STRING")[0];
    let cost = &after(":scrypt", "INTEGER");
    assert_eq!(cost[..3], ["020000", "08", "01"], "N = 2^17, r = 8, p = 1");
    let iv = &after(":aes-256-cbc", "OCTET STRING")[0];
    let hex = shape.lines().last().unwrap().rsplit(':').next().unwrap();
    let sealed: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let (pass, hexsalt) = (format!("pass:{PASSPHRASE}"), format!("hexsalt:{salt}"));
    let mut args = vec!["kdf", "-keylen", "32"];
    for option in [&pass, &hexsalt, "n:131072", "r:8", "p:1", "maxmem_bytes:268435456"] {
        args.extend(["-kdfopt", option]);
    }
    args.push("SCRYPT");
    let secret = String::from_utf8(ok("openssl", &args, b"")).unwrap().trim().replace(':', "");
    let der = ok("openssl", &["enc", "-d", "-aes-256-cbc", "-K", &secret, "-iv", iv], &sealed);
    let shown = ok("openssl", &["pkey", "-inform", "DER", "-pubout", "-outform", "DER"], &der);
    assert!(shown.ends_with(&public.public), "OpenSSL sees the same public key");
}

#[test]
fn openssl_reads_an_unencrypted_key_and_openssh_the_public_half() {
    let mut hands = Hands::new();
    let file = hands.key("alice");
    let shown = ok("openssl", &["pkey", "-in", file.to_str().unwrap(), "-pubout", "-outform", "DER"], b"");
    let public = key::read(&hands.path("alice.pub")).unwrap();
    assert!(shown.ends_with(&public.public));
    let beside = format!("{}.pub", file.display());
    let listed = String::from_utf8(ok("ssh-keygen", &["-l", "-f", &beside], b"")).unwrap();
    assert_eq!(listed.trim(), format!("256 {} alice (ED25519)", public.id().fingerprint()));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = key::new(&file, "alice", true, &mut hands.world).unwrap_err();
    assert!(again.to_string().contains("nothing is overwritten"), "{again}");
}

/// One key in every form signs so that our gate's check accepts it.
#[test]
fn a_key_is_accepted_in_every_form() {
    let mut hands = Hands::new();
    let plain = hands.key("plain");
    let sealed = hands.path("sealed");
    key::new(&sealed, "sealed", false, &mut hands.world).unwrap();
    let open = hands.ssh_key("open", "");
    let locked = hands.ssh_key("locked", PASSPHRASE);
    for (file, scheme) in
        [(plain, Scheme::Raw), (sealed, Scheme::Raw), (open, Scheme::Sshsig), (locked, Scheme::Sshsig)]
    {
        let signer = Signer::open(&file, &hands.world).unwrap();
        let signature: Signature = signer.sign(Role::Card, b"{}").unwrap();
        assert_eq!(signature.scheme, Some(scheme), "{}", file.display());
        let bytes = airlock::bundle::encode(Role::Card, b"{}", std::slice::from_ref(&signature));
        let envelope = airlock::bundle::Unverified::read("it", bytes).unwrap();
        let counted = |role| airlock::trust::signers(&envelope, role, [signer.public()]).len();
        assert_eq!((counted(Role::Card), counted(Role::Bundle)), (1, 0), "{}", file.display());
        assert_eq!(signer.public().label, file.file_name().unwrap().to_str().unwrap());
    }
}

#[track_caller]
fn refused(hands: &Hands, name: &str, expect: &str) {
    let error = format!("{:#}", Signer::open(&hands.path(name), &hands.world).unwrap_err());
    assert!(error.contains(expect), "{error}");
}

#[test]
fn what_is_no_key_is_told_in_words() {
    let mut hands = Hands::new();
    key::new(&hands.path("sealed"), "sealed", false, &mut hands.world).unwrap();
    hands.ssh_key("locked", "another passphrase");
    hands.key("loose");
    std::fs::set_permissions(hands.path("loose"), PermissionsExt::from_mode(0o644)).unwrap();
    for (name, text) in [
        ("text", "hello"),
        ("cut", "-----BEGIN PRIVATE KEY-----\nMC4CAQ"),
        ("certificate", "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n"),
    ] {
        xtask::disk::write_new(&hands.path(name), text.as_bytes(), 0o600).unwrap();
    }
    let rsa = hands.path("rsa");
    run("ssh-keygen", ["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", rsa.to_str().unwrap()], b"");
    hands.world.passphrase = Passphrase::Given(Zeroizing::new("wrong passphrase".into()));
    refused(&hands, "sealed", "the passphrase is not the one of this key");
    refused(&hands, "locked", "the passphrase is not the one of this key");
    refused(&hands, "loose", "chmod 600");
    refused(&hands, "text", "neither a private key in PEM form nor a public key line");
    refused(&hands, "cut", "its PEM is damaged");
    refused(&hands, "certificate", "a private key was due");
    refused(&hands, "absent", "No such file");
    refused(&hands, "rsa", "not an ed25519 key");
    refused(&hands, "locked.pub", "SSH_AUTH_SOCK names none");
    refused(&hands, "rsa.pub", "only ed25519 keys sign here");
    hands.world.passphrase = Passphrase::Given(Zeroizing::new("short".into()));
    let short = key::new(&hands.path("new"), "new", false, &mut hands.world).unwrap_err();
    assert!(short.to_string().contains("fewer than 8"), "{short}");
}
