use std::{io, io::Read as _, ops::Range, sync::Arc};

use http::{
    HeaderMap, Method, Response, StatusCode,
    header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue, RANGE},
    request::Parts,
};
use serde_json::json;
use tracing::warn;

use super::{
    Known, Lies, Route, Shelf, Wanted,
    http::{Body, Filled},
    route,
};
use crate::{digest::Digest, oci::media_type};

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// Answers one request. It may read the disk, so it is not for a thread that others wait for.
pub fn answer(shelf: &Arc<dyn Shelf>, request: &Parts) -> Response<Body> {
    let mut response = match request.method {
        Method::GET | Method::HEAD => read(shelf, request),
        _ => error(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", "this registry is read-only"),
    };
    response.headers_mut().insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    if request.method == Method::HEAD {
        *response.body_mut() = Body::default();
    }
    response
}

fn read(shelf: &Arc<dyn Shelf>, request: &Parts) -> Response<Body> {
    let wanted = match route(request.uri.path()) {
        Route::Base => return json_body(StatusCode::OK, "application/json", b"{}".to_vec()),
        Route::Unknown => {
            return error(StatusCode::NOT_FOUND, "UNSUPPORTED", "this path is none of a registry");
        }
        Route::NotADigest => {
            return error(StatusCode::BAD_REQUEST, "DIGEST_INVALID", "the digest is none of SHA-256");
        }
        Route::Referrers => return no_referrers(),
        other => other,
    };
    let catalogue = match shelf.catalogue() {
        Ok(catalogue) => catalogue,
        Err(report) => {
            warn!(code = report.code, "the mirror cannot answer: {}", report.error);
            return error(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", &report.error);
        }
    };
    let query = request.uri.query().unwrap_or_default();
    let registry = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "ns").map(|(_, it)| it);
    let registry = registry.as_deref();
    match wanted {
        Route::Manifest { name, wanted } => {
            let found = catalogue.manifest(registry, name, &wanted).and_then(|digest| {
                let known = catalogue.blob(&digest).filter(|it| is_manifest(it.media_type))?;
                Some((digest, known))
            });
            match found {
                Some((digest, known)) => body(shelf, &request.headers, digest, known),
                None => {
                    let what = match wanted {
                        Wanted::Tag(tag) => format!("{name}:{tag}"),
                        Wanted::Digest(digest) => format!("{name}@{digest}"),
                    };
                    let why = format!("no accepted bundle carries {what}");
                    error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", &why)
                }
            }
        }
        Route::Blob { digest } => match catalogue.blob(&digest) {
            Some(known) => body(shelf, &request.headers, digest, known),
            None => {
                let why = format!("no accepted bundle carries {digest}");
                error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", &why)
            }
        },
        Route::Tags { name } => match catalogue.tags(registry, name) {
            Some(tags) => {
                let list = json!({ "name": name, "tags": tags });
                json_body(StatusCode::OK, "application/json", list.to_string().into_bytes())
            }
            None => {
                error(StatusCode::NOT_FOUND, "NAME_UNKNOWN", "no accepted bundle has an image of this name")
            }
        },
        Route::Base | Route::Referrers | Route::NotADigest | Route::Unknown => unreachable!("answered above"),
    }
}

fn is_manifest(of: &str) -> bool {
    [media_type::MANIFEST, media_type::INDEX, media_type::DOCKER_MANIFEST, media_type::DOCKER_LIST]
        .contains(&of)
}

/// The bytes of a blob, or the part of them that is asked for.
fn body(shelf: &Arc<dyn Shelf>, headers: &HeaderMap, digest: Digest, known: Known<'_>) -> Response<Body> {
    let range = match headers.get(RANGE).map(|it| range(it, known.size)) {
        None | Some(Asked::Whole) => None,
        Some(Asked::Part(range)) => Some(range),
        Some(Asked::Beyond) => {
            let mut response =
                error(StatusCode::RANGE_NOT_SATISFIABLE, "RANGE_INVALID", "the range is beyond the end");
            response.headers_mut().insert(CONTENT_RANGE, value(format!("bytes */{}", known.size)));
            return response;
        }
    };
    let part = range.clone().unwrap_or(0..known.size);
    let body = match known.lies {
        Lies::Here(bytes) => {
            let ends = usize::try_from(part.start).ok().zip(usize::try_from(part.end).ok());
            Body::from(ends.and_then(|(from, to)| bytes.get(from..to)).unwrap_or_default().to_vec())
        }
        Lies::Stored { blob, offset } => match stored(shelf, digest, known.size, blob, offset) {
            Ok(file) => Body::file(part.end - part.start, move |to| send(file, &part, to)),
            Err(refused) => return *refused,
        },
    };
    let mut response = Response::new(body);
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, value(known.media_type));
    fields.insert(CONTENT_DIGEST, value(digest.to_string()));
    fields.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(range) = range {
        let whole = format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), known.size);
        fields.insert(CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
        fields.insert(CONTENT_RANGE, value(whole));
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    } else {
        fields.insert(CONTENT_LENGTH, HeaderValue::from(known.size));
    }
    response
}

/// Opens what the store has: the bytes of `digest`, which begin at `offset` of `blob`.
fn stored(
    shelf: &Arc<dyn Shelf>,
    digest: Digest,
    size: u64,
    blob: Digest,
    offset: u64,
) -> Result<impl io::Read + Send + use<>, Box<Response<Body>>> {
    let opened = shelf.blobs().open(&blob).and_then(|opened| {
        let Some(mut file) = opened else { return Ok(None) };
        io::copy(&mut (&mut file).take(offset), &mut io::sink())?;
        Ok(Some(file))
    });
    match opened {
        // A part ends where the next one begins; a blob must end where its size says.
        Ok(Some(file)) => {
            let most = if blob == digest { u64::MAX } else { size };
            Ok(crate::digest::Checked::new(file.take(most), digest, size))
        }
        Ok(None) => {
            let why = format!("{digest} is not on this node; a medium that carries it brings it back");
            Err(Box::new(error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", &why)))
        }
        Err(failed) => {
            warn!(%digest, "the mirror cannot read a blob: {failed}");
            Err(Box::new(error(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", "the blob cannot be read")))
        }
    }
}

/// Reads the whole blob, so that all of it is hashed, and sends the part. Whoever resumes pays for a read of what he
/// has; in return he never ends with a blob that is wrong.
fn send(mut file: impl io::Read, part: &Range<u64>, to: &mut Filled<'_>) -> io::Result<()> {
    io::copy(&mut (&mut file).take(part.start), &mut io::sink())?;
    let mut left = part.end - part.start;
    let mut chunk = vec![0; super::http::CHUNK];
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
        let count = file.read(chunk.get_mut(..most).unwrap_or_default())?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.send(chunk.get(..count).unwrap_or_default())?;
        left -= count as u64;
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part(Range<u64>),
    Beyond,
}

/// One range of bytes (RFC 9110 section 14.1.2). Several at once, or another unit, are answered with the whole.
fn range(header: &HeaderValue, size: u64) -> Asked {
    let Some(text) = header.to_str().ok().and_then(|it| it.strip_prefix("bytes=")) else {
        return Asked::Whole;
    };
    let Some((first, last)) = text.split_once('-') else { return Asked::Whole };
    let part = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(last)) if first.is_empty() => size.saturating_sub(last)..size,
        _ => return Asked::Whole,
    };
    if part.start >= size || part.is_empty() { Asked::Beyond } else { Asked::Part(part) }
}

fn no_referrers() -> Response<Body> {
    let list = json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": [] });
    json_body(StatusCode::OK, media_type::INDEX, list.to_string().into_bytes())
}

/// An error in the form of the specification ("Error Codes").
fn error(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let errors = json!({ "errors": [{ "code": code, "message": message }] });
    json_body(status, "application/json", errors.to_string().into_bytes())
}

fn json_body(status: StatusCode, media_type: &'static str, bytes: Vec<u8>) -> Response<Body> {
    let length = bytes.len();
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

fn value(text: impl AsRef<str>) -> HeaderValue {
    // A media type comes from an inventory, which anybody may have written who may sign.
    HeaderValue::from_str(text.as_ref()).unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        #[track_caller]
        fn check(text: &str, expect: Asked) {
            assert_eq!(range(&HeaderValue::from_str(text).unwrap(), 10), expect, "{text}");
        }
        check("bytes=0-3", Asked::Part(0..4));
        check("bytes=4-", Asked::Part(4..10));
        check("bytes=9-99", Asked::Part(9..10));
        check("bytes=-4", Asked::Part(6..10));
        check("bytes=-40", Asked::Part(0..10));
        check("bytes=10-", Asked::Beyond);
        check("bytes=-0", Asked::Beyond);
        for whole in ["bytes=3-1", "bytes=0-1,3-4", "lines=0-1", "bytes=x-1", "bytes=-", "0-1"] {
            check(whole, Asked::Whole);
        }
    }
}
