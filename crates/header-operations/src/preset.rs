//! Presets: what many want done, under one name.
//!
//! A preset becomes operations when it is read; `README.md` lists for each what these are.

use crate::identifier::{RequestId, Version};
use crate::names::Editable;
use crate::operation::{Operation, Presence, Selection};
use crate::place::{Phase, Place};
use gatehouse_config::{Context, Decode, HeaderName, HeaderValue, Value, object, one_of};

/// The headers of `security_headers`, the option for each, and what it is by default.
const SECURITY: [(&str, &str, &str); 8] = [
    (
        "strict-transport-security",
        "strict_transport_security",
        "max-age=31536000; includeSubDomains",
    ),
    (
        "content-security-policy",
        "content_security_policy",
        "frame-ancestors 'none'",
    ),
    (
        "x-content-type-options",
        "x_content_type_options",
        "nosniff",
    ),
    ("x-frame-options", "x_frame_options", "DENY"),
    (
        "referrer-policy",
        "referrer_policy",
        "strict-origin-when-cross-origin",
    ),
    (
        "permissions-policy",
        "permissions_policy",
        "camera=(), geolocation=(), microphone=()",
    ),
    (
        "cross-origin-opener-policy",
        "cross_origin_opener_policy",
        "same-origin",
    ),
    (
        "cross-origin-resource-policy",
        "cross_origin_resource_policy",
        "same-origin",
    ),
];

/// The headers of `strip_internal`.
pub(crate) const INTERNAL: Internal = Internal;

/// What is for internal use only: from a client it claims what only a proxy can know, or makes some
/// upstreams take another path, host or method than Envoy did; to a client it tells what runs inside.
pub(crate) struct Internal;

impl Internal {
    pub(crate) fn covers(&self, name: &str) -> bool {
        name.starts_with("x-internal-")
            || name.starts_with("x-original-")
            || matches!(
                name,
                // From a client.
                "x-rewrite-url"
                    | "x-http-method"
                    | "x-http-method-override"
                    | "x-method-override"
                    | "x-forwarded-host"
                    | "x-forwarded-server"
                    | "x-forwarded-user"
                    | "x-host"
                    | "x-remote-user"
                    | "x-authenticated-user"
                    | "x-real-ip"
                    | "x-client-ip"
                    | "x-cluster-client-ip"
                    | "true-client-ip"
                    // To a client.
                    | "server"
                    | "x-powered-by"
                    | "x-aspnet-version"
                    | "x-aspnetmvc-version"
                    | "x-generator"
                    | "x-runtime"
                    | "x-served-by"
                    | "x-backend-server"
                    | "x-debug-token"
                    | "x-debug-token-link"
                    | "x-envoy-upstream-service-time"
            )
    }
}

one_of! {
    enum Raw {
        StripInternal = "strip_internal",
        SecurityHeaders(Value) = "security_headers" or Value::Null,
        TraceContext(RawTrace) = "trace_context" or RawTrace { sampled: true },
        RequestId(RawRequestId) = "request_id" or RawRequestId {
            header: None,
            version: Version::V4,
            when: Presence::Absent,
        },
        Cors(Value) = "cors" or Value::Null,
    }
}

object! {
    struct RawTrace { sampled: bool = true }
}

object! {
    struct RawRequestId {
        header: Option<Editable>,
        version: Version = Version::V4,
        when as "if": Presence = Presence::Absent,
    }
}

/// What [`read`] takes.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn schema(phase: Phase, schemas: &mut gatehouse_config::schema::Schemas) -> Value {
    use gatehouse_config::schema::{any_of, one_key, value};
    let mut ways = vec![("strip_internal", "", None, true)];
    if phase == Phase::Response {
        let text_or_none = any_of([schemas.of::<HeaderValue>(), value!({"const": false})]);
        let options = schemas.object(|fields| {
            for (_, option, _) in SECURITY {
                fields.add(option, text_or_none.clone());
            }
            fields.optional::<Presence>("if");
        });
        let options = any_of([options, value!({"type": "null"})]);
        ways.push(("security_headers", "", Some(options), true));
    }
    if phase == Phase::Request {
        ways.push(("trace_context", "", Some(schemas.of::<RawTrace>()), true));
        ways.push(("request_id", "", Some(schemas.of::<RawRequestId>()), true));
    }
    one_key(ways)
}

/// The operations of a preset.
pub(crate) fn read(
    place: Place<'_>,
    value: &Value,
    context: &mut Context<'_>,
) -> Option<Vec<Operation>> {
    let raw = Raw::decode(value, context)?;
    let only_for = match raw {
        Raw::SecurityHeaders(_) if place.phase != Phase::Response => Some("responses"),
        Raw::TraceContext(_) | Raw::RequestId(_) if place.phase != Phase::Request => {
            Some("requests")
        }
        _ => None,
    };
    if let Some(phase) = only_for {
        return context.problem(format!("only for {phase}"));
    }
    match raw {
        Raw::StripInternal => Some(vec![Operation::RemoveAll(Selection::Internal)]),
        Raw::SecurityHeaders(options) => context.at_key("security_headers", |context| {
            security(place, &options, context)
        }),
        Raw::TraceContext(RawTrace { sampled }) => Some(vec![Operation::TraceContext { sampled }]),
        Raw::RequestId(raw) => Some(vec![Operation::RequestId(RequestId {
            header: match raw.header {
                Some(header) => header.0,
                None => HeaderName::new("x-request-id")?,
            },
            version: raw.version,
            when: raw.when,
        })]),
        Raw::Cors(_) => context.problem_hint(
            "cors concerns a request and its response",
            "write cors: {origins: […]} beside request and response",
        ),
    }
}

fn security(
    place: Place<'_>,
    options: &Value,
    context: &mut Context<'_>,
) -> Option<Vec<Operation>> {
    let empty = Value::Object(Default::default());
    let options = if options.is_null() { &empty } else { options };
    let mut known: Vec<&str> = SECURITY.iter().map(|(_, option, _)| *option).collect();
    known.push("if");
    let fields = context.object(options, &known)?;
    let when = fields.field_or("if", || Presence::Absent, context);
    let mut operations = Vec::with_capacity(SECURITY.len());
    for (name, option, default) in SECURITY {
        let value = match options.get(option) {
            Some(Value::Bool(false)) => continue,
            Some(value) => Some(value.clone()),
            None => Some(Value::String(default.to_owned())),
        };
        let value = context.at_key(option, |context| match value {
            Some(value @ Value::String(_)) => {
                HeaderValue::decode(&value, context)?;
                // A text, not a template: policies may have dollar signs.
                let escaped = value.as_str().unwrap_or_default().replace('$', "$$");
                place.value(None, &Value::String(escaped), context)
            }
            Some(other) => context.expected("a text, or false for none", &other),
            None => None,
        });
        if let (Some(value), Some(when)) = (value, when) {
            operations.push(Operation::Set {
                name: HeaderName::new(name)?,
                value,
                when,
            });
        }
    }
    Some(operations)
}
