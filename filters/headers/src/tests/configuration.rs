//! What is refused, to the letter.

use super::configure;
use gatehouse_host_fake::FakeHost;

fn refused(yaml: &str) -> String {
    let refused = configure(yaml, &FakeHost::default()).unwrap_err();
    let problems = refused.strip_prefix("configuration refused:\n");
    problems.expect("it is the configuration").to_owned()
}

#[test]
fn all_problems_at_once_each_where_it_stands() {
    let yaml = r#"
mode: dry-run
trusted_hops: -1
denial: {status: 404}
rules:
- macth: {path: /a}
  request:
  - set: {name: x-user, value: "${consumer.nme}", when: absent}
  - set: {name: ":path", value: /}
  - set: {name: host, value: "a\r\nb"}
  - set: {value: $1, if: missing}
  - append: {name: x, value: "a\r\nb"}
  - append: {name: x, value: " a"}
  - append: {name: x, value: "${env:LINES}"}
  - append: {name: x, value: "${env:NONE} ${uid}"}
  - remove: {prefix: ""}
  - remove: {regex: ""}
  - remove: Connection
  - remove: [x]
  - rename: {from: a, to: A}
  - rename: {from: te, to: content-length}
  - replace: {name: x, regex: "(a", with: $9}
  - replace: {name: x, regex: "(?P<word>a)", with: "$2 ${wrod} ${ $ $x"}
  - replace: {name: x, regex: "(?:a{1000}){1000}", with: b}
  - replace: {name: x, regex: a, with: "\n"}
  - set: {name: a, value: b}
    remove: c
  - sett: {name: a, value: b}
  - {}
  - remove
  - when: {status: 5xx}
    remove: a
  response:
  - when: {status: 6xx}
    remove: a
  - when: {status: []}
    remove: a
  - when: {status: [200, "200", 99, 600]}
    remove: a
  - when: {}
    remove: a
  - when: {status: 5xx}
- request: {set: {name: a, value: b}}
- match: {path: {template: "/users/{id}"}}
  request: [{set: {name: a, value: "${path.ids}"}}]
- {match: {}, request: []}
- match: {path: {prefix: /}}
"#;
    let expected = r##"denial: unknown field (known: mode, trusted_hops, rules)
mode: unknown word "dry-run" (known: enforce, report)
trusted_hops: expected a whole number, found the number -1
rules[0].macth: unknown field (did you mean "match"?)
rules[0].request[0].set.when: unknown field (known: name, value, if)
rules[0].request[0].set.value: no variable "consumer.nme" (did you mean "consumer.name"?)
rules[0].request[1].set.name: ":path" is a pseudo-header, which cannot stand here
rules[0].request[2].set.name: "host" cannot be changed: it is Envoy's :authority, by which it routes (use {host: {with: …}})
rules[0].request[2].set.value: a header value cannot have control characters such as CR or LF
rules[0].request[3].set.if: unknown word "missing" (known: always, absent, present)
rules[0].request[3].set.name: required, but missing
rules[0].request[3].set.value: a "$" that begins no variable (write "$$" for a dollar sign)
rules[0].request[4].append.value: a header value cannot have control characters such as CR or LF
rules[0].request[5].append.value: a header value cannot have white space around it
rules[0].request[6].append.value: a header value cannot have control characters such as CR or LF
rules[0].request[7].append.value: no environment variable NONE (set it in vm_config.environment_variables)
rules[0].request[7].append.value: no variable "uid" (did you mean "uuid"?)
rules[0].request[8].remove.prefix: "" is not a header name (letters, digits and !#$%&'*+-.^_`|~ (RFC 9110, 5.6.2))
rules[0].request[9].remove.regex: empty, so it is found in every name (write "." to say so)
rules[0].request[10].remove: "connection" cannot be changed: it is of one connection, not of the message (Envoy sets it for each; RFC 9110, 7.6.1)
rules[0].request[11].remove: expected one of name, prefix, regex, found a list
rules[0].request[12].rename: "a" would be renamed to itself
rules[0].request[13].rename.from: "te" cannot be changed: it is of one connection, not of the message (Envoy sets it for each; RFC 9110, 7.6.1)
rules[0].request[13].rename.to: "content-length" cannot be changed: it follows from the body (leave it to Envoy)
rules[0].request[14].replace.regex: "(a" is not a regular expression: unclosed group
rules[0].request[15].replace.with: no group 2: the last one of the regular expression is 1
rules[0].request[15].replace.with: no group named "wrod" (did you mean "word"?)
rules[0].request[15].replace.with: a "${" without its "}"
rules[0].request[16].replace.regex: the regular expression takes more than 1 MiB when compiled (write smaller counts than in ".{20}", or several expressions)
rules[0].request[17].replace.with: a header value cannot have control characters such as CR or LF
rules[0].request[18]: set and remove at once (write one list element for each: they are done in order)
rules[0].request[19].sett: unknown field (did you mean "set"?)
rules[0].request[20]: no operation: needs one of set, append, remove, rename, copy, replace, dedupe, map, path, host, query, cookie, location, preset
rules[0].request[21]: expected an operation such as {set: {name: …, value: …}}, found the text "remove"
rules[0].request[22].when.status: only for responses, where their headers are
rules[0].response[0].when.status: expected a status such as 503, a class such as 5xx, or a range such as 500-504, found the text "6xx"
rules[0].response[1].when.status: empty, but needs at least one element
rules[0].response[2].when.status[1]: expected a status such as 503, a class such as 5xx, or a range such as 500-504, found the text "200"
rules[0].response[2].when.status[2]: expected a status such as 503, a class such as 5xx, or a range such as 500-504, found the number 99
rules[0].response[2].when.status[3]: expected a status such as 503, a class such as 5xx, or a range such as 500-504, found the number 600
rules[0].response[3].when: empty, so it always holds (leave "when" out)
rules[0].response[4]: no operation: needs one of set, append, remove, rename, copy, replace, dedupe, map, path, host, query, cookie, location, preset
rules[1].request: expected a list of operations, found an object
rules[2].request[0].set.value: no variable "path.ids" (did you mean "path.id"?)
rules[3].match: empty, so it matches everything (leave "match" out to say so)
rules[4]: neither request nor response (to leave what it matches as it is, write request: [])"##;
    assert_eq!(refused(yaml), expected);
}

#[test]
fn what_contradicts_itself() {
    let cases = [
        ("nothing", "{}", "rules: required, but missing"),
        (
            "no rules",
            "rules: []",
            "rules: empty, but needs at least one element",
        ),
        (
            "a rule that is never reached",
            "rules: [{match: {methods: [GET]}, request: []}, {request: []}, {match: {methods: [PUT]}, request: []}]",
            "rules[2]: never reached: rules[1] has no match, so it applies to every request \
             (the first rule that matches applies, and no other)",
        ),
        (
            "a client that commands Envoy",
            "rules: [{match: {path: {template: '/{id}'}}, request: [\
             {set: {name: x-envoy-max-retries, value: '${request.header.x}'}}, \
             {append: {name: x-envoy-retry-on, value: 'a${path.id}'}}, \
             {rename: {from: x-retries, to: x-envoy-max-retries}}]}]",
            "rules[0].request[0].set.value: \"x-envoy-max-retries\" tells Envoy what to do, so its value cannot come \
             from a variable that the client chooses (write the value, or take another header)\n\
             rules[0].request[1].append.value: \"x-envoy-retry-on\" tells Envoy what to do, so its value cannot come \
             from a variable that the client chooses (write the value, or take another header)\n\
             rules[0].request[2].rename.to: \"x-envoy-max-retries\" tells Envoy what to do, so its value cannot come \
             from another header (write the value, or take another header)",
        ),
        (
            "a variable of a match that is not there",
            "rules: [{response: [{append: {name: x, value: '${path.id}'}}]}]",
            "rules[0].response[0].append.value: no variable \"path.id\": the match of this rule captures nothing \
             (write match: {path: {template: \"/users/{id}\"}} for path.id)",
        ),
    ];
    for (name, yaml, expected) in cases {
        assert_eq!(refused(yaml), expected, "{name}");
    }
}

#[test]
fn what_an_operator_may_tell_envoy() {
    let yaml = "rules: [{request: [{set: {name: x-envoy-max-retries, value: '3'}}, {remove: {prefix: x-envoy-}}, \
                {set: {name: x-envoy-retry-on, value: '${metadata.retry_on}'}}], \
                response: [{remove: x-envoy-upstream-service-time}, \
                {set: {name: x-envoy-path, value: '${path}'}}]}]";
    assert!(configure(yaml, &FakeHost::default()).is_ok());
}

#[test]
fn secrets_are_not_in_messages() {
    let refused = refused("rules: [{request: [{set: {name: x, value: '${env:LINES} $'}}]}]");
    assert_eq!(
        refused,
        "rules[0].request[0].set.value: a \"$\" that begins no variable (write \"$$\" for a dollar sign)"
    );
    let filter = configure(
        "rules: [{request: [{set: {name: x, value: '${env:TOKEN}'}}]}]",
        &FakeHost::default(),
    );
    assert!(!format!("{filter:?}").contains("s3cret"));
}

/// A value that would have white space around it whatever its variables are.
#[test]
fn white_space_around_a_variable() {
    let cases = [
        (" ${uuid}", false),
        ("${uuid} ", false),
        ("${uuid}\t", false),
        ("\t${uuid}", false),
        (" ", false),
        ("", true),
        ("${uuid} ${now}", true),
        ("a ${uuid} b", true),
    ];
    for (value, accepted) in cases {
        let value = serde_json::Value::from(value);
        let yaml = format!("rules: [{{request: [{{set: {{name: a, value: {value}}}}}]}}]");
        let refused = configure(&yaml, &FakeHost::default()).err();
        let expected = "configuration refused:\nrules[0].request[0].set.value: a header value cannot have white space around it";
        assert_eq!(
            refused.as_deref(),
            (!accepted).then_some(expected),
            "{value}"
        );
    }
}

#[test]
fn what_the_operations_do_not_take() {
    let yaml = r#"
rules:
- match: {path: {template: "/a/{id}"}}
  request:
  - copy: {from: a, to: A}
  - copy: {from: x, to: x-envoy-max-retries}
  - dedupe: {name: x, keep: all}
  - dedupe: te
  - map: {name: x, values: {}}
  - map: {name: x, from: a, value: b, values: {a: b}}
  - map: {name: x, value: "${claim}", values: {a: "b\n"}, default: " "}
  - path: {}
  - path: {with: internal}
  - path: {with: "/a?b"}
  - path: {with: "/a b/${path.id}"}
  - path: {with: "/a/../b"}
  - path: {with: "//a"}
  - path: {with: "${path.id}"}
  - path: {prefix: a, with: "/b#"}
  - path: {prefix: /a, regex: b, with: c}
  - path: {regex: "(", with: /a}
  - host: {with: "a/b"}
  - host: {with: "a${path.id}?"}
  - host: {}
  - query: {set: {name: "", value: "${x}"}}
  - query: {set: {name: a, value: "a\nb"}}
  - query: {rename: {from: a, to: a}}
  - query: {sett: {}}
  - cookie: {set: {name: "a b", value: "a\0"}}
  - cookie: {name: a, secure: true}
  - location: {with: /a}
  - preset: strip_interal
  - preset: security_headers
  - preset: {request_id: {version: v5}}
  - preset: {cors: {}}
  - {when: {status: 200, headers: []}, remove: a}
  - {when: {consumer: [], group: a}, remove: a}
  - {when: {request: {}}, remove: a}
  - set: {name: a, value: "${path.id | segments}"}
  response:
  - path: {with: /a}
  - preset: trace_context
  - cookie: {}
  - cookie: {name: a, prefix: b, secure: true}
  - cookie: {same_site: none}
  - cookie: {partitioned: true, secure: false}
  - cookie: {domain: "a;b", path: a}
  - cookie: {path: "/a;b"}
  - cookie: {domain: a, remove: [domain]}
  - cookie: {max_age: 10ms}
  - cookie: {domain: {from: a}}
  - location: {}
  - location: {hosts: [a]}
  - location: {hosts: ["a/b", "*.a:1"], scheme: ftp, host: "a b", path: {from: a, to: /b}}
  - location: {with: "//a", hosts: [a]}
  - location: {with: "//a"}
  - location: {with: "https://a/b c"}
  - preset: {security_headers: {x_frame_options: true, hsts: false}}
  - {when: {status: 500-400}, remove: a}
  - {when: {status: 50x}, remove: a}
  request_trailers:
  - cookie: {remove: a}
  - preset: strip_internal
  - {when: {status: 200}, remove: a}
  response_trailers:
  - query: {remove: a}
  - location: {with: /a}
- cors: {origins: []}
- cors: {origins: ["*"], credentials: true, headers: ["*"], expose: ["*"], methods: ["*"]}
- cors: {origins: ["*", "https://a.test"]}
- cors: {origins: ["null", "a.test", "*.a.test", "https://a.test/", "https://a.test:443", "https://a.test/b", "https://", "https://a b"]}
- cors: {origin: ["https://a.test"], methods: ["a b"]}
"#;
    let expected = r##"rules[0].request[0].copy: "a" would be copied to itself
rules[0].request[1].copy.to: "x-envoy-max-retries" tells Envoy what to do, so its value cannot come from another header (write the value, or take another header)
rules[0].request[2].dedupe.keep: unknown word "all" (known: unique, first, last)
rules[0].request[3].dedupe: "te" cannot be changed: it is of one connection, not of the message (Envoy sets it for each; RFC 9110, 7.6.1)
rules[0].request[4].map.values: empty, but needs at least one
rules[0].request[5].map: from and value at once, but the key comes from one of them
rules[0].request[6].map.value: no variable "claim" (known: consumer.name, consumer.provider, claim.NAME, metadata.NAME, request.header.NAME, response.header.NAME, query.NAME, client_ip, method, host, path, route, uuid, uuid.v7, now, now.ms, now.http, now.unix, now.unix_ms, now:FORMAT, env:NAME, path.NAME)
rules[0].request[6].map.values.a: a header value cannot have control characters such as CR or LF
rules[0].request[6].map.default: a header value cannot have white space around it
rules[0].request[7].path.with: required, but missing
rules[0].request[8].path.with: a path begins with "/"
rules[0].request[9].path.with: a path has no '?' (use {query: …} for the query)
rules[0].request[10].path.with: "/a b/" cannot stand in a path (percent-encode what is no letter, digit or one of -._~!$&'()*+,;=:@/)
rules[0].request[11].path.with: has dot segments or two slashes in front, which servers read in different ways
rules[0].request[12].path.with: has dot segments or two slashes in front, which servers read in different ways
rules[0].request[13].path.with: a path begins with "/"
rules[0].request[14].path.prefix: a path begins with "/"
rules[0].request[14].path.with: a path has no '#' (use {query: …} for the query)
rules[0].request[15].path: prefix and regex at once, but only one of them can stand here
rules[0].request[16].path.regex: "(" is not a regular expression: unclosed group
rules[0].request[17].host.with: not a host (write a name or an address, and perhaps a port, such as "api.internal.test:8443")
rules[0].request[18].host.with: not a host (write a name or an address, and perhaps a port, such as "api.internal.test:8443")
rules[0].request[19].host.with: required, but missing
rules[0].request[20].query.set.name: empty, but needs the name of a parameter
rules[0].request[20].query.set.value: no variable "x" (known: consumer.name, consumer.provider, claim.NAME, metadata.NAME, request.header.NAME, response.header.NAME, query.NAME, client_ip, method, host, path, route, uuid, uuid.v7, now, now.ms, now.http, now.unix, now.unix_ms, now:FORMAT, env:NAME, path.NAME)
rules[0].request[21].query.set.value: a value cannot have control characters such as CR or LF
rules[0].request[22].query.rename: "a" would be renamed to itself
rules[0].request[23].query.sett: unknown field (did you mean "set"?)
rules[0].request[24].cookie.set.name: "a b" is not the name of a cookie (letters, digits and !#$%&'*+-.^_`|~ (RFC 6265, 4.1.1))
rules[0].request[24].cookie.set.value: a value cannot have control characters such as CR or LF
rules[0].request[25].cookie: name and secure at once, but only one of set, remove can stand here
rules[0].request[26].location: only for responses
rules[0].request[27].preset: unknown word "strip_interal" (did you mean "strip_internal"?)
rules[0].request[28].preset: only for responses
rules[0].request[29].preset.request_id.version: unknown word "v5" (did you mean "v4"?)
rules[0].request[30].preset: cors concerns a request and its response (write cors: {origins: […]} beside request and response)
rules[0].request[31].when.status: only for responses, where their headers are
rules[0].request[31].when.headers: only for responses, where their headers are
rules[0].request[31].when.headers: empty, but needs at least one element
rules[0].request[32].when.group: unknown field (did you mean "groups"?)
rules[0].request[32].when.consumer: empty, but needs at least one element
rules[0].request[33].when.request: empty, so it matches everything (leave "match" out to say so)
rules[0].request[34].set.value: segments are only in a path
rules[0].response[0].path: only for requests
rules[0].response[1].preset: only for requests
rules[0].response[2].cookie: changes nothing (write an attribute, such as secure: true)
rules[0].response[3].cookie: name and prefix at once, but only one of them can stand here
rules[0].response[4].cookie: same_site: none without secure: true, which browsers refuse (write secure: true too)
rules[0].response[5].cookie: partitioned: true without secure: true, which browsers refuse (write secure: true too)
rules[0].response[6].cookie.domain: "a;b" is not a domain
rules[0].response[6].cookie.path: "a" is not the path of a cookie
rules[0].response[7].cookie.path: "/a;b" is not the path of a cookie
rules[0].response[8].cookie: Domain is removed and set
rules[0].response[9].cookie.max_age: less than a second
rules[0].response[10].cookie.domain.to: required, but missing
rules[0].response[11].location.hosts: required, but missing
rules[0].response[12].location: changes nothing (write scheme, host or path)
rules[0].response[13].location.hosts[0]: "a/b" is not a host (write a name, "*." and a name, or an address, and perhaps a port)
rules[0].response[13].location.scheme: unknown word "ftp" (known: http, https)
rules[0].response[13].location.host: not a host (write a name or an address, and perhaps a port, such as "api.internal.test:8443")
rules[0].response[13].location.path.from: a path begins with "/"
rules[0].response[14].location: with and hosts at once, but with is all of it
rules[0].response[15].location.with: a location begins with "/", "https://" or "http://"
rules[0].response[16].location.with: "https://a/b c" cannot stand in a URL (percent-encode what is no letter, digit or one of -._~:/?#[]@!$&'()*+,;=)
rules[0].response[17].preset.security_headers.hsts: unknown field (known: strict_transport_security, content_security_policy, x_content_type_options, x_frame_options, referrer_policy, permissions_policy, cross_origin_opener_policy, cross_origin_resource_policy, if)
rules[0].response[17].preset.security_headers.x_frame_options: expected a text, or false for none, found true
rules[0].response[18].when.status: expected a status such as 503, a class such as 5xx, or a range such as 500-504, found the text "500-400"
rules[0].response[19].when.status: expected a status such as 503, a class such as 5xx, or a range such as 500-504, found the text "50x"
rules[0].request_trailers[0].cookie: only for headers, not for trailers
rules[0].request_trailers[1].preset: only for headers, not for trailers
rules[0].request_trailers[2].when.status: only for responses, where their headers are
rules[0].response_trailers[0].query: only for requests
rules[0].response_trailers[1].location: only for responses
rules[1].cors.origins: empty, but needs at least one element
rules[2].cors.methods: "*" with credentials: true, where it means nothing (name them)
rules[2].cors.headers: "*" with credentials: true, where it means nothing (name them)
rules[2].cors.expose: "*" with credentials: true, where it means nothing (name them)
rules[2].cors: any origin with credentials: true: every page could read what its visitor may (name the origins)
rules[3].cors.origins[0]: "*" is any origin, so no other can stand beside it
rules[4].cors.origins[0]: "null" is the origin of every sandboxed page and local file (leave it out)
rules[4].cors.origins[1]: "a.test" has no scheme (write scheme, host and perhaps a port, such as "https://app.example.com")
rules[4].cors.origins[2]: "*.a.test" has no scheme (write scheme, host and perhaps a port, such as "https://app.example.com")
rules[4].cors.origins[3]: "https://a.test/" has a path, which no origin has (did you mean "https://a.test"?)
rules[4].cors.origins[4]: "https://a.test:443" has the default port, which browsers leave out (did you mean "https://a.test"?)
rules[4].cors.origins[5]: "https://a.test/b" is not an origin (write scheme, host and perhaps a port, such as "https://app.example.com")
rules[4].cors.origins[6]: "https://" is not an origin (write scheme, host and perhaps a port, such as "https://app.example.com")
rules[4].cors.origins[7]: "https://a b" is not an origin (write scheme, host and perhaps a port, such as "https://app.example.com")
rules[5].cors.origin: unknown field (did you mean "origins"?)
rules[5].cors.origins: required, but missing
rules[5].cors.methods[0]: "a b" is not a method"##;
    assert_eq!(refused(yaml), expected);
}
