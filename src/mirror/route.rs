use crate::digest::Digest;

/// What a path asks for (distribution specification 1.1, "Endpoints").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// `/v2/`: is this a registry?
    Base,
    /// A manifest or an index.
    Manifest {
        /// The repository.
        name: &'a str,
        /// By tag or by digest.
        wanted: Wanted<'a>,
    },
    /// Bytes.
    Blob {
        /// Which.
        digest: Digest,
    },
    /// The tags of a repository.
    Tags {
        /// The repository.
        name: &'a str,
    },
    /// What refers to a manifest: signatures and the like.
    Referrers,
    /// A digest that is none.
    NotADigest,
    /// Nothing that a registry has.
    Unknown,
}

/// A manifest, as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// By tag.
    Tag(&'a str),
    /// By digest.
    Digest(Digest),
}

/// Reads a path.
pub fn route(path: &str) -> Route<'_> {
    let Some(rest) = path.strip_prefix("/v2") else { return Route::Unknown };
    let rest = match rest.strip_prefix('/') {
        Some(rest) => rest,
        None if rest.is_empty() => return Route::Base,
        None => return Route::Unknown,
    };
    if rest.is_empty() {
        return Route::Base;
    }
    // A repository may be called `manifests`, so what counts is the last but one segment.
    let Some((before, last)) = rest.rsplit_once('/') else { return Route::Unknown };
    let Some((name, what)) = before.rsplit_once('/') else { return Route::Unknown };
    if !is_name(name) {
        return Route::Unknown;
    }
    match (what, last.contains(':'), last.parse()) {
        ("manifests", false, _) if is_tag(last) => Route::Manifest { name, wanted: Wanted::Tag(last) },
        ("manifests", true, Ok(digest)) => Route::Manifest { name, wanted: Wanted::Digest(digest) },
        ("blobs", _, Ok(digest)) => Route::Blob { digest },
        ("referrers", _, Ok(_)) => Route::Referrers,
        ("manifests", true, Err(_)) | ("blobs" | "referrers", _, Err(_)) => Route::NotADigest,
        ("tags", ..) if last == "list" => Route::Tags { name },
        _ => Route::Unknown,
    }
}

/// Segments of a repository's name. A registry with a port may be the first of them, where a client that knows no
/// mirrors is given the whole name.
fn is_name(name: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-:".contains(&byte);
    name.split('/').all(|segment| {
        !segment.is_empty() && !segment.chars().all(|it| it == '.') && segment.bytes().all(fine)
    })
}

fn is_tag(tag: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=128).contains(&tag.len()) && !tag.starts_with(['.', '-']) && tag.bytes().all(fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expect: &Route<'_>) {
        assert_eq!(route(path), *expect, "{path}");
    }

    #[test]
    fn paths_ask_for_what_the_specification_says() {
        let digest = Digest::of(b"");
        let tag = |name, tag| Route::Manifest { name, wanted: Wanted::Tag(tag) };
        check("/v2", &Route::Base);
        check("/v2/", &Route::Base);
        check("/v2/app/manifests/v1", &tag("app", "v1"));
        check("/v2/team/app/manifests/v1.2_3-x", &tag("team/app", "v1.2_3-x"));
        check("/v2/manifests/manifests/latest", &tag("manifests", "latest"));
        check("/v2/registry.example.com:5000/app/manifests/v1", &tag("registry.example.com:5000/app", "v1"));
        let by_digest = Route::Manifest { name: "app", wanted: Wanted::Digest(digest) };
        check(&format!("/v2/app/manifests/{digest}"), &by_digest);
        check(&format!("/v2/app/blobs/{digest}"), &Route::Blob { digest });
        check(&format!("/v2/app/referrers/{digest}"), &Route::Referrers);
        check("/v2/app/tags/list", &Route::Tags { name: "app" });
    }

    #[test]
    fn other_paths_ask_for_nothing() {
        for path in
            ["", "/", "/v1/", "/v2x", "/v2/app", "/v2/_catalog", "/v2/app/tags/all", "/v2//manifests/v1"]
        {
            check(path, &Route::Unknown);
        }
        for path in
            ["/v2/../manifests/v1", "/v2/a//b/manifests/v1", "/v2/App/manifests/v1", "/v2/app/manifests/.v1"]
        {
            check(path, &Route::Unknown);
        }
        check(&format!("/v2/app/manifests/{}", "x".repeat(129)), &Route::Unknown);
        for path in ["/v2/app/blobs/v1", "/v2/app/blobs/sha512:00", "/v2/app/manifests/sha256:00"] {
            check(path, &Route::NotADigest);
        }
        check(&format!("/v2/app/blobs/{}/../x", Digest::of(b"")), &Route::Unknown);
    }
}
