//! What operators see of their mistakes, to the letter.

use crate::Match;

fn problems(json: &str) -> String {
    match gatehouse_config::load::<Match>(json.as_bytes(), &|_: &str| None) {
        Ok(decoded) => panic!("{json} is accepted: {decoded:?}"),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn all_at_once() {
    let json = r#"{
        "path": {"prefix": "/admin/"},
        "methods": ["get", "POST"],
        "hosts": [],
        "headers": [{"name": "x y", "exact": "1"}, {"name": "x-a"}],
        "query": [{"name": "k", "exact": "1", "present": true}],
        "client_ip": ["10.0.0.1/8"],
        "consumer": [""],
        "not": {},
        "any": [{}],
        "route": [""],
        "cookies": [{"name": "a b", "exact": "1"}],
        "metadata": [{"filter": "f", "exact": "1"}],
        "when": " ",
        "scheme": "https"
    }"#;
    let expected = r#"scheme: unknown field (known: path, methods, hosts, headers, query, cookies, client_ip, consumer, groups, route, metadata, not, any, when)
path.prefix: "/admin/" is not in normal form, so no request would match it (did you mean "/admin"?)
methods[0]: "get" is not a method: case counts (did you mean "GET"?)
hosts: empty, but needs at least one element
headers[0].name: "x y" is not a header name (letters, digits and !#$%&'*+-.^_`|~ (RFC 9110, 5.6.2))
headers[1]: needs one of exact, prefix, suffix, regex, present
query[0]: exact and present at once, but only one of exact, prefix, suffix, regex, present can stand here
cookies[0].name: "a b" is not a cookie's name
client_ip[0]: "10.0.0.1/8" has bits set after its prefix (did you mean "10.0.0.0/8"?)
consumer[0]: empty, but needs a name
route[0]: empty, but needs a name
metadata[0].key: required, but missing
not: empty, so nothing would match (leave "not" out)
any[0]: empty, so anything would match (leave "any" out)
when: an expression cannot be empty (over Envoy's attributes, such as "request.method == 'GET' && request.headers['x-tenant'] == 'a'")"#;
    assert_eq!(problems(json), expected);
}

#[test]
fn each_on_its_own() {
    #[rustfmt::skip]
    let cases = [
        ("{}", r#"empty, so it matches everything (leave "match" out to say so)"#),
        (r#"{"not": {"not": {}}}"#, r#"not.not: empty, so nothing would match (leave "not" out)"#),
        (r#"{"path": "/a"}"#, r#"path: unknown word "/a" (known: exact, prefix, regex, template)"#),
        (r#"{"path": {"exact": "a"}}"#, r#"path.exact: "a" is not a path (a path begins with "/")"#),
        (r#"{"path": {"exact": ""}}"#, r#"path.exact: "" is not a path (a path begins with "/")"#),
        (r#"{"path": {"exact": "*"}}"#, r#"path.exact: "*" is not a path (a path begins with "/")"#),
        (r#"{"path": {"exact": "/a?b"}}"#, r#"path.exact: "/a?b" has a query, and the path ends before it (match parameters with "query")"#),
        (r#"{"path": {"exact": "/a#b"}}"#, r#"path.exact: "/a#b" has a fragment, which is never sent"#),
        (r#"{"path": {"exact": "/a\n"}}"#, r#"path.exact: "/a\n" has a control character"#),
        (r#"{"path": {"exact": "/a//../%62;c\\d"}}"#, r#"path.exact: "/a//../%62;c\\d" is not in normal form, so no request would match it (did you mean "/b/d"?)"#),
        (r#"{"path": {"prefix": "/a%20b%"}}"#, r#"path.prefix: "/a%20b%" is not in normal form, so no request would match it (did you mean "/a b%"?)"#),
        (r#"{"path": {"regex": "users/.*"}}"#, r#"path.regex: "users/.*" matches no path: it must match the whole of it (a path begins with "/")"#),
        (r#"{"path": {"regex": "/a("}}"#, r#"path.regex: "/a(" is not a regular expression: unclosed group"#),
        (r#"{"path": {"regex": "/a)|(?:/b"}}"#, r#"path.regex: "/a)|(?:/b" is not a regular expression: unopened group"#),
        (r#"{"path": {"regex": "/(?:\\w{999}){999}"}}"#, r#"path.regex: the regular expression takes more than 1 MiB when compiled (write smaller counts than in ".{20}", or several expressions)"#),
        (r#"{"path": {"template": "/users"}}"#, r#"path.template: "/users" names no segment (write a name in braces, such as "/users/{id}", or use "exact")"#),
        (r#"{"path": {"template": "/users/{id}/"}}"#, r#"path.template: "/users/{id}/" is not in normal form, so no request would match it (did you mean "/users/{id}"?)"#),
        (r#"{"path": {"template": "/{}"}}"#, r#"path.template: "" is not a name of a segment (letters, digits and "_", not a digit first; "{name=**}" for the rest of the path)"#),
        (r#"{"path": {"template": "/{1a}"}}"#, r#"path.template: "1a" is not a name of a segment (letters, digits and "_", not a digit first; "{name=**}" for the rest of the path)"#),
        (r#"{"path": {"template": "/{a=*}"}}"#, r#"path.template: "a=*" is not a name of a segment (letters, digits and "_", not a digit first; "{name=**}" for the rest of the path)"#),
        (r#"{"path": {"template": "/{a}/{a}"}}"#, r#"path.template: "a" names two segments"#),
        (r#"{"path": {"template": "/{a=**}/b"}}"#, r#"path.template: "{a=**}" takes the rest of the path, so nothing can follow it"#),
        (r#"{"path": {"template": "/{a}.json"}}"#, r#"path.template: "{a}.json" is not a segment of a template (a segment is either text without braces and "*", or "{name}", or "{name=**}")"#),
        (r#"{"path": {"template": "/*"}}"#, r#"path.template: "*" is not a segment of a template (a segment is either text without braces and "*", or "{name}", or "{name=**}")"#),
        (r#"{"methods": ["GET, POST"]}"#, r#"methods[0]: "GET, POST" is not a method (such as "GET")"#),
        (r#"{"methods": []}"#, "methods: empty, but needs at least one element"),
        (r#"{"hosts": ["*"]}"#, r#"hosts[0]: "*" is every host (leave "hosts" out to say so)"#),
        (r#"{"hosts": ["example.com:80"]}"#, r#"hosts[0]: "example.com:80" has a port, which does not count (did you mean "example.com"?)"#),
        (r#"{"hosts": ["::1"]}"#, r#"hosts[0]: "::1" is not a host (did you mean "[::1]"?)"#),
        (r#"{"hosts": ["a.*.com"]}"#, r#"hosts[0]: "a.*.com" is not a host (write a name, "*." and a name, or an address; names of other scripts as xn--…)"#),
        (r#"{"hosts": ["bücher.example"]}"#, r#"hosts[0]: "bücher.example" is not a host (write a name, "*." and a name, or an address; names of other scripts as xn--…)"#),
        (r#"{"hosts": ["https://example.com"]}"#, r#"hosts[0]: "https://example.com" is not a host (write a name, "*." and a name, or an address; names of other scripts as xn--…)"#),
        (r#"{"hosts": [""]}"#, r#"hosts[0]: "" is not a host (write a name, "*." and a name, or an address; names of other scripts as xn--…)"#),
        (r#"{"headers": [{"name": "Host", "exact": "a"}]}"#, r#"headers[0].name: the proxy keeps "host" as ":authority", so no request has it (match it with "hosts")"#),
        (r#"{"headers": [{"name": ":path", "exact": "a"}]}"#, r#"headers[0].name: ":path" is a pseudo-header, which cannot stand here"#),
        (r#"{"headers": [{"name": "a", "prefix": ""}]}"#, r#"headers[0].prefix: empty, so any value has it (write "present: true")"#),
        (r#"{"headers": [{"name": "a", "exact": " b"}]}"#, "headers[0].exact: a header value cannot have white space around it"),
        (r#"{"headers": [{"name": "a", "regex": "["}]}"#, r#"headers[0].regex: "[" is not a regular expression: unclosed character class"#),
        (r#"{"query": [{"name": "a", "suffix": ""}]}"#, r#"query[0].suffix: empty, so any value has it (write "present: true")"#),
        (r#"{"client_ip": "10.0.0.0/8"}"#, r#"client_ip: expected a list, found the text "10.0.0.0/8""#),
        (r#"{"cookies": [{"name": "a"}]}"#, "cookies[0]: needs one of exact, prefix, suffix, regex, present"),
        (r#"{"cookies": [{"name": "a", "exact": "1", "regex": "["}]}"#, r#"cookies[0].regex: "[" is not a regular expression: unclosed character class"#),
        (r#"{"metadata": [{"filter": "", "key": [], "present": true}]}"#, "metadata[0].filter: empty, but needs a name\nmetadata[0].key: empty, but needs at least one element"),
        (r#"{"metadata": [{"filter": "f", "key": ["a"]}]}"#, "metadata[0]: needs one of exact, prefix, suffix, regex, present"),
        (r#"{"any": []}"#, "any: empty, but needs at least one element"),
        (r#"{"any": [{"methods": ["PUT"]}, {"not": {"path": {"exact": "a"}}}]}"#, r#"any[1].not.path.exact: "a" is not a path (a path begins with "/")"#),
        (r#"{"when": 1}"#, "when: expected a text, found the number 1"),
        (r#"{"groups": [""]}"#, "groups[0]: empty, but needs a name"),
        (r#"{"method": ["GET"]}"#, r#"method: unknown field (did you mean "methods"?)"#),
    ];
    for (json, expected) in cases {
        assert_eq!(problems(json), expected, "{json}");
    }
}

#[test]
fn nesting_has_a_bound() {
    let nested = |depth: usize| {
        let (open, close) = (r#"{"not": {"any": ["#.repeat(depth), "]}}".repeat(depth));
        format!(r#"{open}{{"methods": ["GET"]}}{close}"#)
    };
    assert!(gatehouse_config::load::<Match>(nested(4).as_bytes(), &|_: &str| None).is_ok());
    let problem = r#"not: "not" and "any" are nested more than 8 deep (write it as several rules)"#;
    assert_eq!(problems(&nested(5)), problem);
    // What is far too deep is told once, and takes no stack.
    let deep = problems(&nested(30));
    assert_eq!(deep.lines().count(), 1, "{deep}");
}

#[test]
fn expressions_are_compiled_where_they_stand() {
    let host = gatehouse_host_fake::FakeHost::default();
    let json = r#"{"when": "f(", "not": {"when": "g)"}, "any": [{"when": "h()"}, {"not": {"when": "("}}]}"#;
    let mut decoded: Match = gatehouse_config::load(json.as_bytes(), &|_: &str| None).unwrap();
    let problems = decoded.compile(&host).unwrap();
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let hint = r#"(over Envoy's attributes, such as "request.method == 'GET' && request.headers['x-tenant'] == 'a'")"#;
    let expected = [
        r#"not.when: "g)" is not a CEL expression "#,
        r#"any[1].not.when: "(" is not a CEL expression "#,
        r#"when: "f(" is not a CEL expression "#,
    ];
    assert_eq!(problems, expected.map(|problem| format!("{problem}{hint}")));
}
