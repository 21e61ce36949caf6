//! What must be true of a consumer, and of the request.

use super::*;
use crate::challenge::Challenge;
use crate::credential::{Location, Presented};
use crate::identity::Identity;
use crate::provider::{Kind, Opinion, Wait};
use crate::reason::Reason;
use crate::stats::ProviderStats;
use gatehouse_host::{Consumer, Status};
use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;

const KEY: (&str, &[u8]) = ("x-api-key", b"acme-key-1");

fn gate(authorize: &str) -> Gate {
    let providers = format!("{PARTNERS}{}", sso("algorithms: [RS256]"));
    let rules =
        format!("rules: [{{require: {{any_of: [partners, sso]}}, authorize: {authorize}}}]");
    Gate::new(&providers, &rules)
}

#[test]
fn claims() {
    let cases = [
        ("[{claim: email, suffix: '@example.com'}]", "ann"),
        (
            "[{claim: email, suffix: '@example.org'}]",
            "forbidden_claim",
        ),
        (
            "[{claim: email, exact: ann@example.com}, {claim: sub, prefix: a}]",
            "ann",
        ),
        (
            "[{claim: email, exact: ann@example.com}, {claim: sub, prefix: b}]",
            "forbidden_claim",
        ),
        (
            "[{claim: groups, exact: staff}, {claim: groups, exact: admin}]",
            "ann",
        ),
        ("[{claim: /groups/0, one_of: [staff, guests]}]", "ann"),
        ("[{claim: department, present: true}]", "forbidden_claim"),
    ];
    let bearer = format!("Bearer {}", token("rs256"));
    for (claims, expected) in cases {
        let gate = gate(&format!("{{claims: {claims}}}"));
        let token = ("authorization", bearer.as_bytes());
        assert_eq!(gate.outcome("/", &[token]), expected, "{claims}");
        assert_eq!(gate.consumer().as_deref(), Some("ann"), "{claims}");
        // A consumer of a key has no claims.
        assert_eq!(gate.outcome("/", &[KEY]), "forbidden_claim", "{claims}");
    }
}

#[test]
fn what_is_asked_last_is_not_asked_where_the_rest_is_not_true() {
    let first = "consumers: [ann], groups: [silver], scopes: [write], claims: [{claim: a, exact: b}], when: w";
    let cases = [
        (first, "forbidden_consumer"),
        (&first.replace("[ann]", "[acme]"), "forbidden_group"),
        (
            &first.replace("[ann]", "[acme]").replace("silver", "gold"),
            "forbidden_scope",
        ),
        (
            &first
                .replace("[ann]", "[acme]")
                .replace("silver", "gold")
                .replace("write", "read"),
            "forbidden_claim",
        ),
        ("groups: [gold], when: w", "forbidden_expression"),
    ];
    for (authorize, expected) in cases {
        let gate = gate(&format!("{{{authorize}}}"));
        gate.host.expression_is("w", Some(false));
        assert_eq!(gate.outcome("/", &[KEY]), expected, "{authorize}");
        let evaluated = gate
            .host
            .calls()
            .contains_key("proxy_call_foreign_function");
        assert_eq!(evaluated, expected == "forbidden_expression", "{authorize}");
    }
}

#[test]
fn an_expression_holds_or_not_or_cannot_be_evaluated() {
    let cases = [
        (Some(true), "acme"),
        (Some(false), "forbidden_expression"),
        (None, "expression_failed"),
    ];
    for (holds, expected) in cases {
        let gate = gate("{when: \"request.method == 'GET'\"}");
        gate.host.expression_is("request.method == 'GET'", holds);
        assert_eq!(gate.outcome("/", &[KEY]), expected, "{holds:?}");
        assert_eq!(gate.consumer().as_deref(), Some("acme"), "{holds:?}");
        assert_eq!(gate.outcome("/", &[]), "credential_missing", "{holds:?}");
        let counted = gate.host.counters();
        let counted = counted.get(&format!("gatehouse.auth.denied.reason.{expected}"));
        assert_eq!(
            counted.copied(),
            (holds != Some(true)).then_some(1),
            "{holds:?}"
        );
    }
}

#[test]
fn a_rule_whose_expression_cannot_be_evaluated_is_not_passed_over() {
    let rules = "
rules:
- {match: {not: {when: w}, path: {prefix: /a}}, require: partners}
- {allow: anonymous}
";
    let cases = [
        ("/a", Some(true), "anonymous"),
        ("/a", Some(false), "credential_missing"),
        ("/a", None, "expression_failed"),
        ("/b", None, "anonymous"),
    ];
    for (path, holds, expected) in cases {
        let gate = Gate::new(PARTNERS, rules);
        gate.host.expression_is("w", holds);
        assert_eq!(gate.outcome(path, &[]), expected, "{path} {holds:?}");
    }
}

#[test]
fn an_expression_that_the_host_does_not_answer_is_a_denial() {
    for status in [
        Status::Code(1),
        Status::Code(2),
        Status::Code(10),
        Status::Malformed,
    ] {
        let gate = gate("{when: w}");
        gate.host.expression_is("w", Some(true));
        gate.host.fail("proxy_call_foreign_function", status);
        assert_eq!(gate.outcome("/", &[KEY]), "expression_failed", "{status:?}");
    }
}

#[test]
fn in_report_mode_the_request_goes_on() {
    let rules = "
mode: report
rules:
- {match: {path: {exact: /false}}, require: partners, authorize: {when: no}}
- {match: {path: {exact: /failing}}, require: partners, authorize: {when: odd}}
";
    let gate = Gate::new(PARTNERS, &rules.replace("when: no", "when: 'no'"));
    gate.host.expression_is("no", Some(false));
    for (path, reason) in [
        ("/false", "forbidden_expression"),
        ("/failing", "expression_failed"),
    ] {
        assert_eq!(gate.outcome(path, &[KEY]), "acme", "{path}");
        let counter = format!("gatehouse.auth.would_deny.reason.{reason}");
        assert_eq!(gate.host.counters()[&counter], 1, "{path}");
    }
}

#[test]
fn expressions_that_do_not_compile() {
    const HINT: &str = "(over Envoy's attributes, such as \"request.method == 'GET' && request.headers['x-tenant'] == 'a'\")";
    let rules = "
rules:
- {match: {path: {exact: /}}, allow: anonymous}
- {match: {not: {when: 'f('}}, require: partners, authorize: {when: 'has(request.path'}}
- {match: {path: {exact: /b}}, require: partners, authorize: {when: 'true'}}
- {require: partners, authorize: {when: '(('}}
";
    let yaml = format!("providers:{}\n{rules}", PARTNERS.replace('\n', "\n  "));
    let host = FakeHost::default();
    let refused = Filter::new(load(&yaml).unwrap(), &host).err().unwrap();
    assert_eq!(
        refused.to_string(),
        format!(
            "configuration refused:\n\
             rules[1].match.not.when: \"f(\" is not a CEL expression {HINT}\n\
             rules[1].authorize.when: \"has(request.path\" is not a CEL expression {HINT}\n\
             rules[3].authorize.when: \"((\" is not a CEL expression {HINT}"
        )
    );
    host.fail("proxy_call_foreign_function", Status::Code(1));
    let refused = Filter::new(load(&yaml).unwrap(), &host).err().unwrap();
    assert_eq!(
        refused.to_string(),
        "cannot start: proxy_call_foreign_function answered status 1"
    );
    let empty = yaml.replace("'(('", "' '");
    assert_eq!(
        load(&empty).err().unwrap(),
        format!("rules[3].authorize.when: an expression cannot be empty {HINT}")
    );
}

/// Lets a request wait once, and then says what the test tells it.
struct Slow {
    asked: Cell<usize>,
    opinion: Opinion,
}

impl Kind for Slow {
    fn from(&self) -> &[Location] {
        &[]
    }

    fn check(
        &self,
        _: &Presented,
        request: &mut Request<'_>,
        _: &ProviderStats,
    ) -> Result<Opinion> {
        self.asked.set(self.asked.get() + 1);
        match self.asked.get() {
            1 => Ok(Opinion::Wait(Wait::Callout(request.now()?))),
            _ => Ok(self.opinion.clone()),
        }
    }

    fn challenge(&self, refused: Option<Reason>) -> Option<Cow<'static, str>> {
        Some(Challenge::bearer(None, refused).into())
    }

    fn insufficient_scope(&self, scopes: &[String]) -> Option<Cow<'static, str>> {
        Some(Challenge::insufficient_scope(None, scopes).into())
    }
}

/// A gate whose provider lets requests wait.
fn slow(rules: &str, opinion: Opinion) -> Gate {
    let yaml = format!("providers:{}\n{rules}", PARTNERS.replace('\n', "\n  "));
    let mut config = load(&yaml).unwrap();
    config.providers[0].kind = Box::new(Slow {
        asked: Cell::new(0),
        opinion,
    });
    let host = FakeHost::default();
    let filter = Filter::new(config, &host).unwrap();
    Gate { filter, host }
}

fn good() -> Opinion {
    let consumer = Consumer {
        name: "acme".to_owned(),
        scopes: vec!["read".to_owned()],
        ..Consumer::default()
    };
    Opinion::Good(Rc::new(Identity::new(consumer, &[]).unwrap()))
}

fn after_the_wait(gate: &Gate, between: impl FnOnce()) -> String {
    gate.host.begin([
        (":method", &b"GET"[..]),
        (":path", b"/"),
        (":authority", b"gatehouse.test"),
    ]);
    let mut stream = Stream::default();
    let until = FakeHost::START;
    assert_eq!(gate.ask(&mut stream), Ok(Verdict::Wait { until }));
    between();
    match gate.ask(&mut stream).unwrap() {
        Verdict::Deny(reply) => reason(&reply),
        Verdict::Continue => gate.consumer().unwrap_or_default(),
        other => panic!("{other:?}"),
    }
}

/// Envoy evaluates an expression after a wait without the request.
#[test]
fn an_expression_is_evaluated_before_the_wait() {
    const RULES: &str = "rules: [{require: partners, authorize: {when: w}}]";
    let cases = [
        ("true", Some(true), good(), "acme"),
        ("false", Some(false), good(), "forbidden_expression"),
        ("failing", None, good(), "expression_failed"),
        (
            "true, and nobody",
            Some(true),
            Opinion::Missing,
            "credential_missing",
        ),
        (
            "false, and nobody",
            Some(false),
            Opinion::Missing,
            "credential_missing",
        ),
        (
            "false, and bad",
            Some(false),
            Opinion::Bad(Reason::TokenInactive),
            "token_inactive",
        ),
    ];
    for (name, holds, opinion, expected) in cases {
        let gate = slow(RULES, opinion);
        gate.host.expression_is("w", holds);
        let outcome = after_the_wait(&gate, || {
            // What comes out without the request must not count.
            gate.host
                .expression_is("w", holds.is_none().then_some(true));
        });
        assert_eq!(outcome, expected, "{name}");
        assert_eq!(
            gate.host.calls()["proxy_call_foreign_function"],
            1,
            "{name}"
        );
    }
    let report = slow(&format!("mode: report\n{RULES}"), good());
    report.host.expression_is("w", Some(true));
    assert_eq!(
        after_the_wait(&report, || report.host.expression_is("w", None)),
        "acme"
    );
    assert_eq!(
        report.host.counters(),
        BTreeMap::from([("gatehouse.auth.allowed.provider.partners".to_owned(), 1)])
    );
}

/// Which rule applies is decided on anew, and what an expression comes to without the request must not count.
#[test]
fn an_expression_of_a_match_is_evaluated_before_the_wait() {
    let rules = "rules:
- {match: {not: {any: [{when: a}, {when: b}]}}, allow: anonymous}
- {match: {when: b}, require: partners}";
    let gate = slow(rules, good());
    gate.host.expression_is("a", Some(false));
    gate.host.expression_is("b", Some(true));
    let outcome = after_the_wait(&gate, || {
        gate.host.expression_is("a", None);
        gate.host.expression_is("b", None);
    });
    assert_eq!(outcome, "acme");
    // Without a wait it is a denial.
    assert_eq!(gate.outcome("/", &[]), "expression_failed");
}

/// Of another stream nothing is known.
#[test]
fn what_was_evaluated_is_of_one_request() {
    let gate = slow("rules: [{require: partners, authorize: {when: w}}]", good());
    gate.host.expression_is("w", Some(true));
    assert_eq!(after_the_wait(&gate, || ()), "acme");
    gate.host.expression_is("w", Some(false));
    assert_eq!(gate.outcome("/", &[]), "forbidden_expression");
}

#[test]
fn challenges() {
    let with_realm = sso("algorithms: [RS256]\n    realm: 'the \"api\"'");
    let partners = PARTNERS.replace("api_key:\n    from", "api_key:\n    realm: keys\n    from");
    let rules = "
rules:
- {match: {path: {prefix: /any}}, require: {any_of: [partners, sso]}, authorize: {scopes: [read, purge]}}
- {match: {path: {prefix: /all}}, require: {all_of: [partners, sso]}, authorize: {scopes: [purge]}}
- {match: {path: {prefix: /group}}, require: sso, authorize: {groups: [nobodys], scopes: [purge]}}
";
    let gate = Gate::new(&format!("{partners}{with_realm}"), rules);
    let good = format!("Bearer {}", token("rs256"));
    let good = ("authorization", good.as_bytes());
    let bad = format!("Bearer {}", token("stranger"));
    let bad = ("authorization", bad.as_bytes());
    let key = "ApiKey realm=\"keys\"";
    let bearer = "Bearer realm=\"the \\\"api\\\"\"";
    let invalid = "Bearer realm=\"the \\\"api\\\"\", error=\"invalid_token\"";
    let twice = "Bearer realm=\"the \\\"api\\\"\", error=\"invalid_request\"";
    let scopes =
        "Bearer realm=\"the \\\"api\\\"\", error=\"insufficient_scope\", scope=\"read purge\"";
    let scope = "Bearer realm=\"the \\\"api\\\"\", error=\"insufficient_scope\", scope=\"purge\"";
    type Case<'c> = (
        &'c str,
        &'c str,
        &'c [(&'c str, &'c [u8])],
        u16,
        &'c [&'c str],
    );
    let cases: &[Case<'_>] = &[
        ("nothing", "/any", &[], 401, &[key, bearer]),
        ("a bad key", "/any", &[("x-api-key", b"x")], 401, &[key]),
        ("a bad token", "/any", &[bad], 401, &[invalid]),
        ("a token twice", "/any", &[good, good], 400, &[twice]),
        ("a key twice", "/any", &[KEY, KEY], 400, &[]),
        ("a key without the scope", "/any", &[KEY], 403, &[]),
        ("a token without the scope", "/any", &[good], 403, &[scopes]),
        (
            "both without the scope",
            "/all",
            &[KEY, good],
            403,
            &[scope],
        ),
        ("a key of both", "/all", &[KEY], 401, &[key, bearer]),
        ("not in the group", "/group", &[good], 403, &[]),
        ("no rule", "/", &[], 403, &[]),
    ];
    for (name, path, headers, status, expected) in cases {
        let Verdict::Deny(reply) = gate.send(path, headers) else {
            panic!("{name} was let in");
        };
        assert_eq!(reply.status, *status, "{name}");
        let lines = reply
            .headers
            .iter()
            .filter(|(name, _)| name == "www-authenticate");
        let lines: Vec<_> = lines
            .map(|(_, value)| std::str::from_utf8(value).unwrap())
            .collect();
        assert_eq!(lines, *expected, "{name}");
    }
}
