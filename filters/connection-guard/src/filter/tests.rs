//! What cannot be brought about from outside.

use super::*;
use gatehouse_host::{HostError, Status};
use gatehouse_host_fake::FakeHost;

/// Nothing asks about a connection that is over. Should something, it is not let on once more.
#[test]
fn what_is_over_stays_so() {
    let failed = || HostError {
        call: "proxy_get_property",
        status: Status::Code(10),
    };
    for (mode, on_error, is_closed) in [
        ("enforce", "allow", true),
        ("enforce", "deny", true),
        ("report", "allow", false),
        ("report", "deny", false),
    ] {
        let host = FakeHost::default();
        let config = format!(
            "{{\"default\": \"deny\", \"mode\": \"{mode}\", \"on_error\": \"{on_error}\"}}"
        );
        let filter = Filter::configure(config.as_bytes(), &|_: &str| None, &host).unwrap();
        let mut state = State {
            phase: Phase::Over,
            ..State::default()
        };
        let flow = filter.or_on_error(&host.connection(7), &mut state, Err(failed()));
        assert_eq!(
            matches!(flow, Flow::Close(_)),
            is_closed,
            "{mode} {on_error}"
        );
        assert!(state.phase == Phase::Over, "{mode} {on_error}");
        assert_eq!(host.counters().len(), 0, "{mode} {on_error}");
    }
}
