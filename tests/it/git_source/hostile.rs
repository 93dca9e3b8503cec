//! Servers that are slow, broken, somebody else, or lie: a stable code, one sentence, the next step, and nothing kept.

use std::time::Duration;

use airlock::fault::{Class, Fault};

use super::{SIGNERS, Yard, bundle};
use crate::support::git_server::{GitServer, Lie, data, header, packet};

struct Row {
    what: &'static str,
    lie: Option<Lie>,
    /// Where the lie begins: at a method, and where the question has that word.
    from: (&'static str, &'static str),
    code: &'static str,
    class: Class,
    says: &'static str,
}

#[test]
fn servers_that_lie() {
    let text = |kind: &str| vec![header("content-type", kind)];
    let advertisement = "application/x-git-upload-pack-advertisement";
    let result = "application/x-git-upload-pack-result";
    let all = ("", "");
    let get = ("GET", "");
    let refs = ("POST", "command=ls-refs");
    let pack = ("POST", "command=fetch");
    let row = |what, lie, from, code, class, says| Row { what, lie: Some(lie), from, code, class, says };
    let redirect = |code: u16| {
        Lie::Whole(code, vec![header("location", "https://evil.example/site.git/info/refs")], vec![])
    };
    let rows = [
        row("hangs before it answers", Lie::Hang(0), get, "source_stalled", Class::Unavailable, "within 1 s"),
        row(
            "hangs amid its refs",
            Lie::Hang(10),
            refs,
            "source_stalled",
            Class::Unavailable,
            "nothing comes",
        ),
        row(
            "hangs amid a pack",
            Lie::Hang(2_000),
            pack,
            "source_stalled",
            Class::Unavailable,
            "nothing comes",
        ),
        row(
            "drips a pack",
            Lie::Drip(30),
            pack,
            "source_stalled",
            Class::Unavailable,
            "bytes of a pack came",
        ),
        row("speaks without end", Lie::Endless, get, "source_too_large", Class::Invalid, "67108864 bytes"),
        row(
            "sends elsewhere",
            redirect(301),
            get,
            "source_redirect",
            Class::Denied,
            "https://evil.example/site.git/info/refs",
        ),
        row("sends elsewhere later", redirect(307), refs, "source_redirect", Class::Denied, "evil.example"),
        row(
            "asks who we are",
            Lie::Whole(401, vec![], vec![]),
            all,
            "source_credentials",
            Class::Denied,
            "no credentials are named",
        ),
        row("forbids it", Lie::Whole(403, vec![], vec![]), all, "source_credentials", Class::Denied, "403"),
        row(
            "does not have it",
            Lie::Whole(404, vec![], vec![]),
            all,
            "source_missing",
            Class::Unavailable,
            "404",
        ),
        row("fails", Lie::Whole(503, vec![], vec![]), all, "source_failing", Class::Unavailable, "503"),
        row(
            "fails in the middle",
            Lie::Whole(500, vec![], vec![]),
            pack,
            "source_failing",
            Class::Unavailable,
            "500",
        ),
        row(
            "is asked too often",
            Lie::Whole(429, vec![], vec![]),
            all,
            "source_failing",
            Class::Unavailable,
            "too often",
        ),
        row(
            "is a web site",
            Lie::Whole(200, text("text/html"), b"<html>".to_vec()),
            all,
            "source_answer",
            Class::Invalid,
            "",
        ),
        row(
            "says nothing of sense",
            Lie::Whole(200, text(advertisement), b"zzzz".to_vec()),
            get,
            "source_answer",
            Class::Invalid,
            "",
        ),
        row(
            "says nothing",
            Lie::Whole(200, text(advertisement), vec![]),
            get,
            "source_answer",
            Class::Invalid,
            "",
        ),
        row(
            "lists nothing of sense",
            Lie::Whole(200, text(result), packet(b"what is this\n")),
            refs,
            "source_answer",
            Class::Invalid,
            "",
        ),
        row(
            "has nothing",
            Lie::Whole(200, text(result), b"0000".to_vec()),
            refs,
            "source_missing",
            Class::Unavailable,
            "`main`",
        ),
        row(
            "ends before the pack",
            Lie::Whole(200, text(result), packet(b"packfile\n")),
            pack,
            "source_failing",
            Class::Unavailable,
            "ends in the middle",
        ),
        row(
            "says that it failed",
            Lie::Whole(
                200,
                text(result),
                [packet(b"packfile\n"), packet(b"\x03out of memory\n"), b"0000".to_vec()].concat(),
            ),
            pack,
            "source_failing",
            Class::Unavailable,
            "out of memory",
        ),
        row(
            "says that it will not",
            Lie::Whole(200, text(result), packet(b"ERR access denied by policy\n")),
            refs,
            "source_answer",
            Class::Invalid,
            "policy",
        ),
    ];
    let yard = Yard::new();
    yard.push_layout(&bundle(1, &SIGNERS));
    for row in rows {
        let server = GitServer::start(&yard.path("served"), None);
        let mut source = yard.source(&server.url("site.git", "main"));
        source.spec.patience.pause = Duration::from_secs(1);
        source.spec.patience.window = Duration::from_secs(1);
        source.spec.patience.window_bytes = 2_000;
        let (method, word) = row.from;
        let lie = row.lie;
        server.lie(move |request| {
            let here = request.method.starts_with(method)
                && (word.is_empty() || String::from_utf8_lossy(&request.body).contains(word));
            lie.clone().filter(|_| here)
        });
        let report = source.refuses(row.code);
        assert_eq!(report.class, row.class, "{}: {report:?}", row.what);
        assert!(report.error.contains(row.says), "{}: {report:?}", row.what);
        assert_eq!(yard.packs(), 0, "{}", row.what);
        server.repent();
        let fresh = Yard::new();
        let honest = fresh.source(&source.place.to_string());
        assert_eq!(fresh.pull(&honest, 2), "staged", "{}: the truth comes through", row.what);
    }
}

#[test]
fn who_answers_and_who_asks() {
    let yard = Yard::new();
    yard.push_layout(&bundle(1, &SIGNERS));
    let check = |certificate: &str, ca: Option<&str>, code: &str, says: &str| {
        let server = GitServer::start(&yard.path("served"), Some(certificate));
        let mut source = yard.source(&server.url("site.git", "main"));
        source.spec.ca = ca.map(data);
        let report = source.refuses(code);
        assert!(report.error.contains(says), "{report:?}");
        assert_eq!(yard.packs(), 0);
    };
    check("server.pem", None, "source_untrusted", "UnknownIssuer");
    check("server.pem", Some("other-ca.pem"), "source_untrusted", "");
    check("expired.pem", Some("ca.pem"), "source_untrusted", "expired");
    check("elsewhere.pem", Some("ca.pem"), "source_untrusted", "");
    check("server.pem", Some("missing.pem"), "source_file", "missing.pem");
    check("server.pem", Some("server.key"), "source_file", "server.key");

    // Nobody listens there.
    let gone = GitServer::start(&yard.path("served"), None).url("site.git", "main");
    yard.source(&gone).refuses("source_unreachable");
    yard.source("https://git.invalid/site.git").refuses("source_unreachable");
    // Without TLS nobody can say who answers.
    let report = yard.source("http://git.invalid/site.git").refuses("source_untrusted");
    assert!(report.error.contains("without TLS"), "{report:?}");

    // Credentials are sent where they are named, in the form that the file says.
    let server = GitServer::start(&yard.path("served"), Some("server.pem"));
    server.lie(|request| {
        let known = ["Basic YWlybG9jazpzZWNyZXQ=", "Bearer abc"];
        let says = request.headers.get("authorization").map(String::as_str).unwrap_or_default();
        (!known.contains(&says)).then(|| Lie::Whole(401, vec![header("www-authenticate", "Basic")], vec![]))
    });
    let mut source = yard.source(&server.url("site.git", "main"));
    source.spec.ca = Some(data("ca.pem"));
    source.refuses("source_credentials");
    let file = yard.path("credentials");
    source.spec.credentials = Some(file.clone());
    let wrong = |text: &str, code: &str, says: &str| {
        std::fs::write(&file, text).unwrap();
        let report = source.refuses(code);
        assert!(report.error.contains(says), "{report:?}");
        assert!(!format!("{report:?}").contains("hunter2"), "{report:?}");
    };
    wrong("username=airlock\npassword=hunter2\n", "source_credentials", "does not take the credentials");
    wrong("hunter2\n", "source_file", "line 1");
    wrong("username=airlock\n", "source_file", "neither");
    for (text, at) in [("username=airlock\npassword=secret\n", 2), ("authtype=Bearer\ncredential=abc\n", 3)] {
        std::fs::write(&file, text).unwrap();
        let taken = yard.pull(&source, at);
        assert!(matches!(taken.as_str(), "staged" | "held"), "{taken}");
    }
}

/// A repository that was cut short somewhere else cannot tell where its history comes from.
#[test]
fn a_server_without_its_history() {
    let yard = Yard::new();
    yard.push_layout(&bundle(1, &SIGNERS));
    yard.push_layout(&bundle(2, &SIGNERS));
    let from = format!("file://{}", yard.path("served/site.git").display());
    super::ran(super::git_in(&yard.path("served")).args([
        "clone",
        "-q",
        "--bare",
        "--depth",
        "1",
        &from,
        "short.git",
    ]));
    let server = GitServer::start(&yard.path("served"), None);
    let error = yard.source(&server.url("short.git", "main")).newest().unwrap_err();
    assert_eq!(error.code(), "shallow", "{error}");
    assert_eq!(yard.packs(), 0);
}
