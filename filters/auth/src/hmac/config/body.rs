//! `body`: how much of one is held, for how long, and whether one may go on that nobody signed.

use super::BodyLimits;
use gatehouse_config::{Context, Duration, Size, object};
use std::time;

/// A body is held by Envoy, and once more here while it is checked.
const MAX_BODY: Size = Size::from_bytes(64 << 20);
/// A request that is held holds memory.
const MAX_TIMEOUT: Duration = Duration::from_secs(600);

object! {
    #[derive(Default)]
    pub(super) struct RawBody {
        max: Option<Size>,
        timeout: Option<Duration>,
        pub(super) insecure_unsigned: bool = false,
    }
}

impl RawBody {
    pub(super) fn check(&self, context: &mut Context<'_>) -> Option<BodyLimits> {
        context.at_key("body", |context| {
            let before = context.problem_count();
            let most = self.max.unwrap_or(Size::from_bytes(1 << 20));
            if most > MAX_BODY {
                context.at_key("max", |context| context.problem::<()>("is more than 64MiB"));
            }
            let timeout = self.timeout.unwrap_or(Duration::from_secs(10));
            if timeout > MAX_TIMEOUT {
                context.at_key("timeout", |context| {
                    context.problem::<()>(format!("is more than {MAX_TIMEOUT}"))
                });
            }
            (context.problem_count() == before).then_some(BodyLimits {
                most: most.bytes(),
                timeout: time::Duration::from_nanos(timeout.as_nanos()),
                unsigned: self.insecure_unsigned,
            })
        })
    }
}
