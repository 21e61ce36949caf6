//! Suites that cannot be read: every problem, where it stands, to the letter.

use gatehouse_policy_test::Suite;
use std::path::Path;

/// What is wrong with a text, a line for each problem.
fn problems(text: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite.yaml");
    let directory = format!("{}/tests/", env!("CARGO_MANIFEST_DIR"));
    match Suite::parse(text, &path) {
        Ok(_) => "it was read".to_owned(),
        Err(problems) => problems
            .iter()
            .map(|problem| problem.to_string().replace(&directory, ""))
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

/// A suite of a configuration and of one case, which stands in line 3.
fn case(case: &str) -> String {
    format!("config: {{headers: {{rules: []}}}}\ncases:\n- {case}\n")
}

#[test]
fn what_is_wrong_with_a_suite() {
    let cases = [
        ("empty", String::new(), "suite.yaml: empty"),
        ("no mapping", "[]".to_owned(), "suite.yaml:1:1: expected an object, found a list"),
        (
            "two documents",
            "a: 1\n---\nb: 2".to_owned(),
            "suite.yaml: 2 documents, but a suite is one",
        ),
        (
            "a key twice",
            "config: {}\nconfig: {}".to_owned(),
            "suite.yaml:2:1: the key \"config\" is here twice",
        ),
        (
            "nothing in it",
            "{}".to_owned(),
            "suite.yaml:1:1: config: required, but missing\n\
             suite.yaml:1:1: cases: required, but missing",
        ),
        (
            "unknown fields, of the suite and of all that is in it",
            "confg: {}\n\
             config: {headers: {}}\n\
             default: {}\n\
             cases:\n\
             - name: a\n  \
               reqest: {path: /}\n  \
               request: {paths: /, headers: {x: [1, {base46: aa}]}}\n  \
               expect: {statis: 200, upstream: {header: {}}}\n  \
               callouts: {idp: {stats: 200}}\n"
                .to_owned(),
            "suite.yaml:1:1: confg: unknown field (did you mean \"config\"?)\n\
             suite.yaml:3:1: default: unknown field (did you mean \"defaults\"?)\n\
             suite.yaml:6:3: cases[0].reqest: unknown field (did you mean \"request\"?)\n\
             suite.yaml:7:13: cases[0].request.paths: unknown field (did you mean \"path\"?)\n\
             suite.yaml:7:40: cases[0].request.headers.x[1].base64: required, but missing\n\
             suite.yaml:7:41: cases[0].request.headers.x[1].base46: unknown field (did you mean \"base64\"?)\n\
             suite.yaml:8:12: cases[0].expect.statis: unknown field (did you mean \"status\"?)\n\
             suite.yaml:8:36: cases[0].expect.upstream.header: unknown field (did you mean \"headers\"?)\n\
             suite.yaml:9:20: cases[0].callouts.idp.stats: unknown field (did you mean \"status\"?)",
        ),
        (
            "no cases",
            "config: {headers: {}}\ncases: []".to_owned(),
            "suite.yaml:2:8: cases: empty, but needs at least one element",
        ),
        (
            "two sources",
            "config: {headers: {}, auth: {}}\ncases: [{name: a, request: {path: /}, expect: allowed}]".to_owned(),
            "suite.yaml:1:9: config: 2 of envoy, auth, rate_limit, headers, gateway and chain, but needs exactly one",
        ),
        (
            "no path",
            case("{name: a, expect: allowed}"),
            "suite.yaml:3:3: cases[0].request.path: required, but missing",
        ),
        (
            "nothing expected",
            case("{name: a, request: {path: /}}"),
            "suite.yaml:3:3: cases[0]: expects nothing, so it cannot fail (add expect: allowed or expect: denied)",
        ),
        (
            "an expectation of nothing",
            case("{name: a, request: {path: /}, expect: {}}"),
            "suite.yaml:3:41: cases[0].expect: empty, but needs something to expect",
        ),
        (
            "a word",
            case("{name: a, request: {path: /}, expect: alowed}"),
            "suite.yaml:3:41: cases[0].expect: unknown word \"alowed\" (did you mean \"allowed\"?)",
        ),
        (
            "both outcomes",
            case("{name: a, request: {path: /}, expect: {denied: 401, allowed: true}}"),
            "suite.yaml:3:41: cases[0].expect: denied, but also something of a request that is allowed",
        ),
        (
            "two statuses",
            case("{name: a, request: {path: /}, expect: {denied: 401, status: 401}}"),
            "suite.yaml:3:41: cases[0].expect: denied with a status, and a status beside it",
        ),
        (
            "not allowed",
            case("{name: a, request: {path: /}, expect: {allowed: false}}"),
            "suite.yaml:3:51: cases[0].expect.allowed: expected true, found false (write denied: true)",
        ),
        (
            "an absent header as null",
            case("{name: a, request: {path: /}, expect: {headers: {x-a: null}}}"),
            "suite.yaml:3:57: cases[0].expect.headers.x-a: expected a text, found null (name a header that must not be there under absent)",
        ),
        (
            "a name twice",
            case("{name: a, request: {path: /}, expect: allowed}\n- {name: a, request: {path: /}, expect: allowed}"),
            "suite.yaml:4:3: cases[1]: another case is named \"a\"",
        ),
        (
            "types",
            case("{name: 1, time: noon, request: {path: [], client_ip: localhost, body: {json: 1, base64: x}}, repeat: 0, expect: {status: ok, host_calls: {at_least: 1}}}"),
            "suite.yaml:3:10: cases[0].name: expected a text, found the number 1\n\
             suite.yaml:3:19: cases[0].time: \"noon\" is not a time (write it as RFC 3339 has it, such as \"2026-01-01T00:00:00Z\")\n\
             suite.yaml:3:41: cases[0].request.path: expected a text, found a list\n\
             suite.yaml:3:56: cases[0].request.client_ip: \"localhost\" is not an IP address\n\
             suite.yaml:3:73: cases[0].request.body: json and base64 at once, but only one of json, base64, chunks can stand here\n\
             suite.yaml:3:124: cases[0].expect.status: expected a whole number, found the text \"ok\"\n\
             suite.yaml:3:140: cases[0].expect.host_calls.at_most: required, but missing\n\
             suite.yaml:3:141: cases[0].expect.host_calls.at_least: unknown field (known: at_most)",
        ),
        (
            "a cluster that nobody asks",
            case("{name: a, request: {path: /}, expect: allowed, callouts: {idp: down}}"),
            "suite.yaml:3:66: cases[0].callouts.idp: no cluster named \"idp\"",
        ),
        (
            "a cluster with a typing error, in defaults, cases and steps",
            "config: {auth: {providers: {p: {introspection: {cluster: idp}}}}}\n\
             defaults: {callouts: {ipd: down}}\n\
             cases:\n\
             - {name: a, request: {path: /}, expect: allowed, callouts: {idq: down}, steps: [{callouts: {idp: down, id: down}}]}\n".to_owned(),
            "suite.yaml:2:28: defaults.callouts.ipd: no cluster named \"ipd\" (did you mean \"idp\"?)\n\
             suite.yaml:4:66: cases[0].callouts.idq: no cluster named \"idq\" (did you mean \"idp\"?)\n\
             suite.yaml:4:108: cases[0].steps[0].callouts.id: no cluster named \"id\" (did you mean \"idp\"?)",
        ),
        (
            "more types",
            case("{name: 1, request: {path: [], client_ip: localhost, body: {base64: x}}, expect: {status: ok, host_calls: {at_least: 1}}}"),
            "suite.yaml:3:10: cases[0].name: expected a text, found the number 1\n\
             suite.yaml:3:29: cases[0].request.path: expected a text, found a list\n\
             suite.yaml:3:44: cases[0].request.client_ip: \"localhost\" is not an IP address\n\
             suite.yaml:3:70: cases[0].request.body.base64: not base64, with its padding\n\
             suite.yaml:3:92: cases[0].expect.status: expected a whole number, found the text \"ok\"\n\
             suite.yaml:3:108: cases[0].expect.host_calls.at_most: required, but missing\n\
             suite.yaml:3:109: cases[0].expect.host_calls.at_least: unknown field (known: at_most)",
        ),
        (
            "a control character in a header",
            case(r#"{name: a, request: {path: /, headers: {x: "a\nb"}}, expect: allowed}"#),
            "suite.yaml:3:45: cases[0].request.headers.x: a header value cannot have control characters such as CR or LF",
        ),
        (
            "repeat",
            case("{name: a, repeat: 0, request: {path: /}, expect: allowed}"),
            "suite.yaml:3:21: cases[0].repeat: 0 is not from 1 to 100000",
        ),
        (
            "steps",
            case("{name: a, request: {path: /}, expect: allowed, steps: [{after: 5s}, {at: 1s}]}"),
            "suite.yaml:3:76: cases[0].steps[1].at: before the step that comes before it",
        ),
        (
            "after and at",
            case("{name: a, request: {path: /}, expect: allowed, steps: [{after: 5s, at: 6s}]}"),
            "suite.yaml:3:58: cases[0].steps[0]: after and at at once",
        ),
        (
            "too long",
            case("{name: a, request: {path: /}, expect: allowed, steps: [{after: 7d}, {after: 1ns}]}"),
            "suite.yaml:3:71: cases[0].steps[1]: more than 7d after the beginning of the case",
        ),
        (
            "a repeat of steps",
            case("{name: a, repeat: 2, request: {path: /}, expect: allowed, steps: [{after: 5s}]}"),
            "suite.yaml:3:21: cases[0].repeat: a case with steps (each step has a repeat of its own)",
        ),
        (
            "no steps",
            case("{name: a, request: {path: /}, expect: allowed, steps: []}"),
            "suite.yaml:3:57: cases[0].steps: empty, but needs at least one element",
        ),
        (
            "callouts",
            case("{name: a, request: {path: /}, expect: allowed, callouts: {idp: dwn, b: {rate_limit: {}, body: x}}}"),
            "suite.yaml:3:66: cases[0].callouts.idp: unknown word \"dwn\" (did you mean \"down\"?)\n\
             suite.yaml:3:74: cases[0].callouts.b: rate_limit and a body or a grpc_status at once",
        ),
        (
            "a metric",
            case("{name: a, request: {path: /}, expect: {metrics: {\"a{b}\": 1}}}"),
            "suite.yaml:3:60: cases[0].expect.metrics[\"a{b}\"]: \"a{b}\" is no metric (write name or name{tag=value,tag=value})",
        ),
        (
            "a regular expression",
            case("{name: a, request: {path: /}, expect: {body: {matches: \"(\"}}}"),
            "suite.yaml:3:58: cases[0].expect.body.matches: not a regular expression: unclosed group",
        ),
        (
            "tables",
            case("{name: a, table: [{p: /a}, {q: /b}, 1], request: {path: \"${p}\"}, expect: allowed}"),
            "suite.yaml:3:30: cases[0].table[1]: lacks the column \"p\" of the first row\n\
             suite.yaml:3:34: cases[0].table[1].q: no column of the first row (did you mean \"p\"?)\n\
             suite.yaml:3:39: cases[0].table[2]: expected an object, with a value for each column, found the number 1",
        ),
        (
            "table and matrix",
            case("{name: a, table: [{p: /a}], matrix: {p: [/a]}, request: {path: /}, expect: allowed}"),
            "suite.yaml:3:3: cases[0]: table and matrix at once",
        ),
        (
            "an empty matrix",
            case("{name: a, matrix: {p: []}, request: {path: /}, expect: allowed}"),
            "suite.yaml:3:25: cases[0].matrix.p: empty, but needs at least one element",
        ),
        (
            "a huge matrix",
            case(&format!(
                "{{name: a, matrix: {{a: [{0}], b: [{0}], c: [{0}]}}, request: {{path: /}}, expect: allowed}}",
                vec!["1"; 100].join(",")
            )),
            "suite.yaml:3:437: cases[0].matrix.c: more than 10000 rows",
        ),
        (
            "names of nothing",
            case("{name: a, request: {path: \"${p}\", headers: {a: \"${token:ann}\", b: \"${jwks:x}\", c: \"${\"}}, expect: allowed}"),
            "suite.yaml:3:29: cases[0].request.path: nothing is named \"${p}\" (known: token:NAME, jwks:NAME, jwk:NAME)\n\
             suite.yaml:3:50: cases[0].request.headers.a: no token named \"ann\"\n\
             suite.yaml:3:69: cases[0].request.headers.b: no key named \"x\"\n\
             suite.yaml:3:85: cases[0].request.headers.c: \"${\" without \"}\" (write \"$${\" for the text itself)",
        ),
        (
            "a column of the wrong type, once for all rows",
            case("{name: a, table: [{p: /a}, {p: 1}, {p: [2]}], request: {path: \"${p}\"}, expect: allowed}"),
            "suite.yaml:3:65: cases[0].request.path: expected a text, found the number 1\n\
             suite.yaml:3:65: cases[0].request.path: expected a text, found a list",
        ),
        (
            "keys",
            "config: {headers: {}}\n\
             keys:\n  \
               a: {algorithm: RS255}\n  \
               b: {algorithm: ES256, secret: x}\n  \
               c: {algorithm: HS256, pem: x}\n  \
               d: {algorithm: RS256, pem: x}\n  \
               e: {algorithm: RS256, file: nothing.pem}\n  \
               f: {algorithm: RS256, file: a, pem: b}\n\
             cases: [{name: a, request: {path: /}, expect: allowed}]\n"
                .to_owned(),
            "suite.yaml:3:18: keys.a.algorithm: no algorithm named \"RS255\" (did you mean \"RS256\"?)\n\
             suite.yaml:4:6: keys.b: ES256 has no secret (give its private key as pem or file, or leave it out to have one made)\n\
             suite.yaml:5:6: keys.c: HS256 has no PEM (give its secret)\n\
             suite.yaml:6:6: keys.d: no private key for RS256 as PEM (PKCS#8, or PKCS#1 for RSA)\n\
             suite.yaml:7:31: keys.e.file: nothing.pem: No such file or directory (os error 2)\n\
             suite.yaml:8:6: keys.f: only one of file, pem and secret can stand here",
        ),
        (
            "tokens",
            "config: {headers: {}}\n\
             keys: {k: {algorithm: EdDSA}}\n\
             tokens:\n  \
               a: {key: k, claims: {exp: soon}}\n  \
               b: {like: c}\n  \
               c: {like: b}\n  \
               d: {}\n  \
               e: {key: kk}\n  \
               f: {key: k, algorithm: RS256}\n  \
               g: {key: k, claims: [], signature: bad}\n\
             cases:\n\
             - {name: x, matrix: {t: [a, b, d, e, f]}, request: {path: /, jwt: \"${t}\"}, expect: allowed}\n\
             - {name: y, request: {path: /, jwt: {like: aa}}, expect: allowed}\n"
                .to_owned(),
            "suite.yaml:4:29: tokens.a.claims.exp: \"soon\" is not a time of a token (write \"now\", \"+5m\", \"-1h\", a time or seconds since the epoch)\n\
             suite.yaml:5:13: tokens.b.like: more than 16 tokens stand on one another, or it is like itself\n\
             suite.yaml:7:6: tokens.d: no key signs it (give it a key, or like: another token)\n\
             suite.yaml:8:12: tokens.e.key: no key named \"kk\" (did you mean \"k\"?)\n\
             suite.yaml:9:6: tokens.f: the key \"k\" cannot sign by RS256\n\
             suite.yaml:10:38: tokens.g.signature: unknown word \"bad\" (known: good, broken, missing)\n\
             suite.yaml:13:44: cases[1].request.jwt.like: no token named \"aa\" (did you mean \"a\"?)",
        ),
        (
            "an Envoy file that is not there",
            "config: {envoy: nowhere.yaml}\ncases: [{name: a, request: {path: /}, expect: allowed}]".to_owned(),
            "suite.yaml:1:17: config.envoy: nowhere.yaml: No such file or directory (os error 2)",
        ),
        (
            "choices from an Envoy file",
            "config: {envoy: ../../../envoy/gateway.yaml, listener: gatway}\ncases: [{name: a, request: {path: /}, expect: allowed}]"
                .to_owned(),
            "suite.yaml:1:56: config.listener: ../../../envoy/gateway.yaml has no listener \"gatway\" with a filter of Gatehouse's (did you mean \"gateway\"?)",
        ),
        (
            "a filter that an Envoy file has not",
            "config: {envoy: ../../../envoy/gateway.yaml, filter: gatehouse_auth}\ncases: [{name: a, request: {path: /}, expect: allowed}]"
                .to_owned(),
            "suite.yaml:1:54: config.filter: ../../../envoy/gateway.yaml has no filter \"gatehouse_auth\" of Gatehouse's (known: gatehouse_gateway)",
        ),
        (
            "places that a configuration has not",
            "config: {envoy: ../../../envoy/gateway.yaml, set: {\"filters[7].x\": 1, \"filters[0].auth.x.y\": 1, \"a:b\": 1}}\ncases: [{name: a, request: {path: /}, expect: allowed}]"
                .to_owned(),
            "suite.yaml:1:68: config.set[\"filters[7].x\"]: the configuration has no such place (all but the last step of the path must be there)\n\
             suite.yaml:1:94: config.set[\"filters[0].auth.x.y\"]: the configuration has no such place (all but the last step of the path must be there)\n\
             suite.yaml:1:104: config.set[\"a:b\"]: no filter named \"a\" (known: gatehouse_gateway)",
        ),
    ];
    let mut wrong = String::new();
    for (name, text, expected) in cases {
        let got = problems(&text);
        if got != expected {
            wrong += &format!("== {name}\n-- expected\n{expected}\n-- got\n{got}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
