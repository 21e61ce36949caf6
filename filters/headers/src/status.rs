//! Which responses an operation is for.

use gatehouse_config::{Context, Decode, NonEmpty, Value, object};
use gatehouse_host::{Headers, Only};

object! {
    /// The `when` of a response operation.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct When {
        pub(crate) status: Statuses,
    }
}

/// Statuses, each alone or by its class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statuses(Vec<Status>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    One(u16),
    /// By its first digit.
    Class(u16),
}

impl Decode for Statuses {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        if value.is_array() {
            return NonEmpty::decode(value, context).map(|list| Self(list.0));
        }
        Status::decode(value, context).map(|status| Self(vec![status]))
    }
}

impl Decode for Status {
    fn decode(value: &Value, context: &mut Context<'_>) -> Option<Self> {
        let known = match value {
            Value::Number(number) => number
                .as_u64()
                .and_then(|number| u16::try_from(number).ok())
                .filter(|status| (100..=599).contains(status))
                .map(Self::One),
            Value::String(text) => match text.as_str() {
                "1xx" => Some(Self::Class(1)),
                "2xx" => Some(Self::Class(2)),
                "3xx" => Some(Self::Class(3)),
                "4xx" => Some(Self::Class(4)),
                "5xx" => Some(Self::Class(5)),
                _ => None,
            },
            _ => None,
        };
        match known {
            Some(status) => Some(status),
            None => context.expected("a status such as 503, or a class such as 5xx", value),
        }
    }
}

impl When {
    /// Whether it is for the response with these headers.
    pub(crate) fn fits(&self, headers: &Headers) -> bool {
        let Only::One(status) = headers.only(":status") else {
            return false;
        };
        let status = std::str::from_utf8(status).ok();
        let Some(status) = status.and_then(|status| status.parse::<u16>().ok()) else {
            return false;
        };
        self.status.0.iter().any(|wanted| match wanted {
            Status::One(one) => status == *one,
            Status::Class(class) => status / 100 == *class,
        })
    }
}
