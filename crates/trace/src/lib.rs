//! What filters found out on their way to a decision, for `gatehouse explain`.
//!
//! Filters say with [`trace!`] what they looked at and what they found, where they find it. Compiled for wasm that is nothing at
//! all. Natively it is nothing but a look at a flag, unless somebody listens ([`traced`]).

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The filter that looked: `auth`.
    pub filter: &'static str,
    /// At what: `rules[2]`, `provider sso`, `limit per-consumer`.
    pub subject: String,
    /// What it found: `applies`.
    pub finding: String,
    /// What a finding came from, where that is not plain: the condition of a match that does not hold.
    pub because: Option<String>,
}

/// Says that a filter begins to look at a request.
#[macro_export]
macro_rules! enter {
    ($filter:expr) => {
        #[cfg(not(target_arch = "wasm32"))]
        $crate::native::enter($filter);
    };
}

/// Says what was found: `trace!(("rules[{place}]"), ("applies"))`.
#[macro_export]
macro_rules! trace {
    (($($subject:tt)*), ($($finding:tt)*)) => {
        #[cfg(not(target_arch = "wasm32"))]
        $crate::native::say(|| (::std::format!($($subject)*), ::std::format!($($finding)*)));
    };
}

/// Says what the next finding will come from. Of several, the last counts.
#[macro_export]
macro_rules! because {
    ($($why:tt)*) => {
        #[cfg(not(target_arch = "wasm32"))]
        $crate::native::because(|| ::std::format!($($why)*));
    };
}

#[cfg(not(target_arch = "wasm32"))]
pub use native::traced;

/// What the macros expand to, where they do.
#[cfg(not(target_arch = "wasm32"))]
#[doc(hidden)]
pub mod native {
    use super::Step;
    use std::cell::RefCell;

    #[derive(Default)]
    struct Listening {
        filter: &'static str,
        because: Option<String>,
        steps: Vec<Step>,
    }

    thread_local! {
        static LISTENING: RefCell<Option<Listening>> = const { RefCell::new(None) };
    }

    /// Does something, and returns what it said on the way. What somebody outside listens to is not lost, but does not
    /// get what is said inside.
    pub fn traced<T>(work: impl FnOnce() -> T) -> (T, Vec<Step>) {
        let outside = LISTENING.replace(Some(Listening::default()));
        let done = work();
        let inside = LISTENING.replace(outside);
        (done, inside.map(|inside| inside.steps).unwrap_or_default())
    }

    pub fn enter(filter: &'static str) {
        listening(|listening| listening.filter = filter);
    }

    pub fn say(what: impl FnOnce() -> (String, String)) {
        listening(|listening| {
            let (subject, finding) = what();
            listening.steps.push(Step {
                filter: listening.filter,
                subject,
                finding,
                because: listening.because.take(),
            });
        });
    }

    pub fn because(why: impl FnOnce() -> String) {
        listening(|listening| listening.because = Some(why()));
    }

    fn listening(work: impl FnOnce(&mut Listening)) {
        LISTENING.with_borrow_mut(|listening| {
            if let Some(listening) = listening {
                work(listening);
            }
        });
    }

    #[cfg(test)]
    mod tests {
        use super::{Step, traced};

        fn says(what: &str) {
            crate::because!("because of {what}");
            crate::trace!(("{what}"), ("found"));
        }

        #[test]
        fn what_is_said_is_heard_once() {
            says("before");
            let ((), steps) = traced(|| {
                crate::enter!("auth");
                says("a");
                let ((), inner) = traced(|| says("b"));
                assert_eq!((inner.len(), inner[0].filter), (1, ""));
                crate::trace!(("c"), ("{}", 1 + 1));
            });
            says("after");
            let step = |subject: &str, finding: &str, because: Option<&str>| Step {
                filter: "auth",
                subject: subject.to_owned(),
                finding: finding.to_owned(),
                because: because.map(str::to_owned),
            };
            assert_eq!(
                steps,
                [
                    step("a", "found", Some("because of a")),
                    step("c", "2", None)
                ]
            );
        }
    }
}
