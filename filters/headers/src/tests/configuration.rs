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
