//! What the service is asked.

use super::config::ExtAuthzConfig;
use gatehouse_host::{Callout, Headers, Only};

/// Envoy hands over at most 1024 headers of 1 MiB together, and nothing at all of more
/// (proxy-wasm-cpp-host `src/pairs_util.cc`).
const MAX_HEADERS: usize = 1000;
const MAX_HEADER_BYTES: usize = 512 * 1024;

/// The request's own method, host and path, the path behind the prefix, with the headers that are
/// configured and no body. Nothing where that cannot be asked: a `CONNECT`, which would be a tunnel, a
/// path that does not begin with `/`, too many headers.
pub(super) fn about(config: &ExtAuthzConfig, headers: &Headers) -> Option<Callout> {
    let only = |name| match headers.only(name) {
        Only::One(value) => Some(value),
        Only::Absent | Only::Several => None,
    };
    let method = only(":method").filter(|method| *method != b"CONNECT")?;
    let path = only(":path").filter(|path| path.starts_with(b"/"))?;
    let mut asked = vec![
        (":method".to_owned(), method.to_vec()),
        (
            ":path".to_owned(),
            [config.path_prefix.as_bytes(), path].concat(),
        ),
        (":authority".to_owned(), only(":authority")?.to_vec()),
        ("content-length".to_owned(), b"0".to_vec()),
    ];
    for name in &config.send {
        let values = headers.all(name);
        asked.extend(values.map(|value| (name.to_string(), value.to_vec())));
    }
    for (name, value) in &config.add {
        asked.push((name.to_string(), value.as_bytes().to_vec()));
    }
    let bytes: usize = asked
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if asked.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
        return None;
    }
    Some(Callout {
        cluster: config.cluster.clone(),
        headers: asked,
        body: Vec::new(),
        timeout: config.timeout,
    })
}
