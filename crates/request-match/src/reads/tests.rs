//! What expressions look at, and those of which that cannot be told.

use super::of;
use gatehouse_host::Reads;

#[test]
fn headers_that_an_expression_looks_at() {
    #[rustfmt::skip]
    let cases: [(&str, &[&str]); 26] = [
        ("true", &[]),
        ("1 + 2u == 0x3 || 1.5 < 2e3", &[]),
        ("'request.headers' == \"xds.route_name\"", &[]),
        ("request.method == 'GET'", &[":method"]),
        ("request.method=='GET'&&request.path.startsWith('/a')", &[":method", ":path"]),
        ("request.url_path == '/' || request.query == 'a'", &[":path", ":path"]),
        ("request.host == 'a' && request.scheme == 'https'", &[":authority", ":scheme"]),
        ("request.referer == '' || request.useragent == ''", &["referer", "user-agent"]),
        ("request.id == '1'", &["x-request-id"]),
        ("request.size < 1000 && request.protocol == 'HTTP/2'", &["content-length"]),
        ("request.time > timestamp('2026-01-01T00:00:00Z')", &[]),
        ("source.address.startsWith('10.') && connection.mtls && destination.port == 80", &[]),
        ("request.headers['x-a'] == 'b'", &["x-a"]),
        ("request . headers [ \"X-A\" ] == 'b' // request.headers\n && true", &["x-a"]),
        ("request.headers['host'] == 'b'", &[":authority"]),
        ("request.headers[':path'] == 'b'", &[":path"]),
        ("request.headers['a'] == request.headers['b']", &["a", "b"]),
        ("'x-a' in request.headers && request.headers['x-a'] == 'a'", &["x-a", "x-a"]),
        ("!('x-a' in request.headers)", &["x-a"]),
        ("request.method == 'GET' || 'x-a' in request.headers", &[":method", "x-a"]),
        ("size(request.headers['x-a']) > 3", &["x-a"]),
        ("request.headers['x-a'].matches('^a.*$')", &["x-a"]),
        ("request.headers['x-a'] in ['a', 'b']", &["x-a"]),
        ("request.method in ['GET', 'HEAD'] ? true : request.headers['x-a'] == 'it\\'s'", &[":method", "x-a"]),
        ("request.headers['x-a'] == '\u{e9}'", &["x-a"]),
        ("''.size() == 0 && request.method == ''", &[":method"]),
    ];
    for (expression, headers) in cases {
        let headers = headers.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(of(expression), Reads::Headers(headers), "{expression}");
    }
}

#[test]
fn what_may_look_at_anything() {
    let cases = [
        ("the route", "xds.route_name == 'a'"),
        (
            "filter state",
            "filter_state['wasm.gatehouse.consumer'] == 'a'",
        ),
        ("metadata", "metadata.filter_metadata['a']['b'] == 'c'"),
        ("the whole request", "request == 1"),
        (
            "the request by another way",
            "request['headers']['x-a'] == 'a'",
        ),
        ("what may be there", "request.?headers['x-a'].hasValue()"),
        ("all headers", "size(request.headers) > 3"),
        (
            "all headers, within what is done to them",
            "request.headers.exists(name, name == 'x-a')",
        ),
        (
            "a header as a member",
            "request.headers.authorization == 'a'",
        ),
        (
            "a header as a member, asked for",
            "has(request.headers.authorization)",
        ),
        (
            "a name that is put together",
            "request.headers['x-' + 'a'] == 'b'",
        ),
        (
            "a name that is put together, asked for",
            "'x-' + 'a' in request.headers",
        ),
        ("a name with an escape", "request.headers['x\\x2da'] == 'b'"),
        (
            "a name that is another header's value",
            "request.headers[request.headers['x-a']] == 'b'",
        ),
        (
            "a name from a choice",
            "request.headers[true ? 'x-a' : 'x-b'] == 'b'",
        ),
        (
            "a name from what is not a text",
            "request.method in request.headers",
        ),
        ("from the outermost scope", ".request.headers['x-a'] == 'b'"),
        (
            "from the outermost scope, asked for",
            "'x-a' in .request.headers",
        ),
        (
            "a member of what was asked for",
            "'x-a' in request.headers['x-b']['c'] || 'x-a' in request.headers.b",
        ),
        ("all bytes", "request.total_size > 10"),
        (
            "no member that is known",
            "request.duration > duration('1s')",
        ),
        ("a text of bytes", "b'a' == b'b'"),
        ("a raw text", "r'a' == 'a'"),
        (
            "a text in three quotes",
            "'''a' in request.headers''' == ''",
        ),
        ("a text that does not end", "'a"),
        ("a message", "Struct{a: request.method}"),
        ("a map", "{'a': request.method}['a'] == 'GET'"),
        ("a name in quotes", "request.`headers`['x-a'] == 'b'"),
        (
            "a sign that is not known",
            "request.method == 'GET' # && true",
        ),
        ("a name that is not known", "a == 1"),
    ];
    for (name, expression) in cases {
        assert_eq!(of(expression), Reads::Anything, "{name}: {expression}");
    }
}
