//! Configurations that are refused, with what the operator is told.

use super::*;

#[test]
fn mistakes() {
    let bcrypt_12 = "$2y$12$zpEMJjDppsQ36XmWQmoZIe93UVtLgYxSgp4zSkPbz8YKWr2Upjvy2";
    let ann = format!("users: [{{name: ann, password_hash: '{CHEAP}'}}]");
    let cases: Vec<(String, &str)> = vec![
        (
            "realm: staff".to_owned(),
            "has no user (set users or htpasswd)",
        ),
        (
            "htpasswd: '# nobody'".to_owned(),
            "has no user (set users or htpasswd)",
        ),
        (
            "users: [{name: ann}]".to_owned(),
            "users[0].password_hash: required, but missing",
        ),
        (
            "users: [{name: ann, password_hash: 7}]".to_owned(),
            "users[0].password_hash: expected a text, or \"${env:NAME}\"",
        ),
        (
            "users: [{name: ann, password_hash: '${env:NOT_SET}'}]".to_owned(),
            "users[0].password_hash: no environment variable NOT_SET (set it in vm_config.environment_variables)",
        ),
        (
            "users: [{name: ann, password_hash: hunter2}]".to_owned(),
            "users[0].password_hash: is not a hash of a known scheme: if it is the password itself, give a hash of it (bcrypt: `htpasswd -nB -C 10 NAME`)",
        ),
        (
            "users: [{name: ann, password_hash: '${env:DEV_KEY}'}]".to_owned(),
            "users[0].password_hash: is not a hash of a known scheme: if it is the password itself, give a hash of it (bcrypt: `htpasswd -nB -C 10 NAME`)",
        ),
        (
            format!("users: [{{name: 'a:b', password_hash: '{CHEAP}'}}]"),
            "users[0].name: the name of the user has a colon, which no client can send",
        ),
        (
            format!("users: [{{name: '', password_hash: '{CHEAP}'}}]"),
            "users[0].name: the name of the user is empty",
        ),
        (
            format!("users: [{{name: \"a\\x07\", password_hash: '{CHEAP}'}}]"),
            "users[0].name: the name of the user has a control character",
        ),
        (
            format!("users: [{{name: ' ann', password_hash: '{CHEAP}'}}]"),
            "users[0].name: the name of the user begins or ends with white space",
        ),
        (
            format!(
                "users: [{{name: ann, password_hash: '{CHEAP}'}}, {{name: ann, password_hash: '{CHEAP}'}}]"
            ),
            "users[1].name: users[0] is named \"ann\" too",
        ),
        (
            format!("{ann}\n    htpasswd: |\n      # one\n      ann:{CHEAP}"),
            "htpasswd: line 2: users[0] is named \"ann\" too",
        ),
        (
            format!("htpasswd: |\n      bob:{CHEAP}\n\n      bob:{CHEAP}"),
            "htpasswd: line 3: line 1 is named \"bob\" too",
        ),
        (
            "htpasswd: hunter2".to_owned(),
            "htpasswd: line 1: must be `user:hash`, and has no colon",
        ),
        (
            format!("htpasswd: |\n      bob:secret\n      ann:{CHEAP}\n      :x"),
            "htpasswd: line 1: the hash of \"bob\": is not a hash of a known scheme: if it is the password itself, give a hash of it (bcrypt: `htpasswd -nB -C 10 NAME`)\nproviders.a.basic.htpasswd: line 3: the name of the user is empty",
        ),
        (
            format!("users: [{{name: ann, password_hash: '{bcrypt_12}'}}]"),
            "users[0].password_hash: to verify the password of \"ann\" (bcrypt) takes about 404 ms of a worker, more than max_cost (hash it at a lower cost, such as `htpasswd -nB -C 10 NAME`, or set max_cost to 404ms or more: the worker serves nobody else meanwhile)",
        ),
        (
            format!("htpasswd: |\n      ann:{CHEAP}\n      bob:{bcrypt_12}\n    max_cost: 403ms"),
            "htpasswd: line 2: to verify the password of \"bob\" (bcrypt) takes about 404 ms of a worker, more than max_cost (hash it at a lower cost, such as `htpasswd -nB -C 10 NAME`, or set max_cost to 404ms or more: the worker serves nobody else meanwhile)",
        ),
        (
            format!("{ann}\n    groups: {{ops: [an]}}"),
            "groups.ops[0]: no user named \"an\" (did you mean \"ann\"?)",
        ),
        (
            format!("{ann}\n    groups: {{ops: []}}"),
            "groups.ops: empty, but needs at least one element",
        ),
        (
            format!("{ann}\n    cache: {{size: 1}}"),
            "cache.size: must be 0, or 2 to 100000",
        ),
        (
            format!("{ann}\n    cache: {{size: 100001}}"),
            "cache.size: must be 0, or 2 to 100000",
        ),
        (
            format!("{ann}\n    cache: {{ttl: 0s}}"),
            "cache.ttl: \"0s\" is not a duration (write a whole number above zero and a unit: ns, us, ms, s, m, h, d; such as \"30s\")",
        ),
        (
            format!("{ann}\n    max_busy: 0%"),
            "max_busy: is not a share: write \"1%\" to \"100%\"",
        ),
        (
            format!("{ann}\n    max_busy: 101%"),
            "max_busy: is not a share: write \"1%\" to \"100%\"",
        ),
        (
            format!("{ann}\n    max_busy: 020%"),
            "max_busy: is not a share: write \"1%\" to \"100%\"",
        ),
        (
            format!("{ann}\n    max_busy: 20"),
            "max_busy: is not a share: write \"1%\" to \"100%\"",
        ),
        (
            format!("{ann}\n    failures: {{per_user: 0/1m}}"),
            "failures.per_user: the rate \"0/1m\" lets nothing through (to refuse requests, use a rule of the auth filter)",
        ),
        (
            format!("{ann}\n    failures: {{per_client: none}}"),
            "failures.per_client: \"none\" is not a rate (write a whole number, a slash and a duration, such as \"100/1m\")",
        ),
        (
            format!("{ann}\n    failures: {{per_client: 2/1ns}}"),
            "failures.per_client: the rate must not exceed one request per nanosecond",
        ),
        (
            format!("{ann}\n    failures: {{per_ip: 1/1m}}"),
            "failures.per_ip: unknown field (known: per_user, per_client)",
        ),
        (
            format!("{ann}\n    from: [{{query: auth}}]"),
            "from[0]: Basic credentials stand in a header",
        ),
        (
            format!("{ann}\n    realm: ''"),
            "realm: a realm cannot be empty (leave it out for none)",
        ),
    ];
    for (options, expected) in cases {
        let yaml = format!("providers:\n  a:\n   basic:\n    {options}\nrules: [{{require: a}}]");
        let problems = load(&yaml)
            .err()
            .unwrap_or_else(|| panic!("accepted:\n{yaml}"));
        assert_eq!(
            problems,
            format!("providers.a.basic.{expected}").replace(".basic.has", ".basic: has"),
            "{yaml}"
        );
    }
}

#[test]
fn what_just_fits() {
    let bcrypt_12 = "$2y$12$zpEMJjDppsQ36XmWQmoZIe93UVtLgYxSgp4zSkPbz8YKWr2Upjvy2";
    let cases = [
        format!("htpasswd: 'ann:{bcrypt_12}'\n    max_cost: 404ms"),
        format!(
            "users: [{{name: jürgen, password_hash: '{CHEAP}'}}]\n    cache: {{size: 0}}\n    max_busy: 100%"
        ),
        format!("htpasswd: 'ann:{CHEAP}'\n    failures: {{per_user: unlimited, per_client: 1/1d}}"),
    ];
    for options in cases {
        let yaml = format!("providers:\n  a:\n   basic:\n    {options}\nrules: [{{require: a}}]");
        assert_eq!(load(&yaml).err(), None, "{yaml}");
    }
}
