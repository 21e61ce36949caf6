//! One filter of a chain, of several kinds.

use gatehouse_host::{
    Answer, CalloutId, Host, HostError, Request, Response, ResponseChunk, Result, Status, StreamId,
    Trailers, Verdict,
};
use std::time::Duration;

/// What [`gatehouse_host::HttpFilter`] says, of a filter that is one of several kinds. `kept` is what
/// [`Link::pending`] made: that of another kind is a broken chain.
pub trait Link {
    /// What a filter keeps of a stream, of whichever kind it is.
    type Pending;

    const WANTS_RESPONSE: bool;
    const WANTS_RESPONSE_BODY: bool;
    const WANTS_TRAILERS: bool;
    const WANTS_END: bool;

    /// The name that its own module has.
    fn name(&self) -> &'static str;

    /// What is kept of a stream that has just begun.
    fn pending(&self) -> Self::Pending;

    fn request(&self, request: &mut Request<'_>, kept: &mut Self::Pending) -> Result<Verdict>;
    fn foresee(&self, request: &mut Request<'_>);
    fn wants_response(&self, kept: &Self::Pending) -> bool;
    fn respond(&self, response: &mut Response<'_>, kept: &mut Self::Pending);
    fn wants_response_body(&self, kept: &Self::Pending) -> bool;
    fn response_body(&self, chunk: &mut ResponseChunk<'_>, kept: &mut Self::Pending);
    fn wants_trailers(&self, kept: &Self::Pending) -> bool;
    fn request_trailers(&self, trailers: &mut Trailers<'_>, kept: &mut Self::Pending)
    -> Result<()>;
    fn respond_trailers(&self, trailers: &mut Trailers<'_>, kept: &mut Self::Pending);
    fn wants_end(&self, kept: &Self::Pending) -> bool;
    fn ended(&self, host: &dyn Host, kept: Self::Pending);
    fn answered(&self, callout: CalloutId, answer: &Answer<'_>, wake: &mut Vec<StreamId>);
    fn tick(&self, host: &dyn Host, wake: &mut Vec<StreamId>);
    fn tick_period(&self) -> Option<Duration>;
}

/// What a link keeps is at the link's own place, so this never comes up; a request does not pass for it.
pub(crate) const BROKEN_CHAIN: HostError = HostError {
    call: "chain",
    status: Status::Malformed,
};

/// Makes a [`Link`] of kinds of filters.
macro_rules! links {
    (
        $(#[$doc:meta])*
        $vis:vis enum $link:ident { $($(#[$variant_doc:meta])* $variant:ident($filter:ty),)+ }

        $(#[$kept_doc:meta])*
        $kept_vis:vis enum $pending:ident;
    ) => {
        $(#[$doc])*
        $vis enum $link {
            $($(#[$variant_doc])* $variant(Box<$filter>),)+
        }

        $(#[$kept_doc])*
        $kept_vis enum $pending {
            $($(#[$variant_doc])* $variant(<$filter as gatehouse_host::HttpFilter>::Pending),)+
        }

        $(impl From<$filter> for $link {
            fn from(filter: $filter) -> Self {
                Self::$variant(Box::new(filter))
            }
        })+

        const _: () = {
            use gatehouse_host::{
                Answer, CalloutId, Host, HttpFilter, Module, Request, Response, ResponseChunk,
                Result, StreamId, Trailers, Verdict,
            };

            impl $crate::link::Link for $link {
                type Pending = $pending;

                const WANTS_RESPONSE: bool = $(<$filter>::WANTS_RESPONSE)||+;
                const WANTS_RESPONSE_BODY: bool = $(<$filter>::WANTS_RESPONSE_BODY)||+;
                const WANTS_TRAILERS: bool = $(<$filter>::WANTS_TRAILERS)||+;
                const WANTS_END: bool = $(<$filter>::WANTS_END)||+;

                fn name(&self) -> &'static str {
                    match self {
                        $(Self::$variant(_) => <$filter>::NAME,)+
                    }
                }

                fn pending(&self) -> $pending {
                    match self {
                        $(Self::$variant(_) => $pending::$variant(Default::default()),)+
                    }
                }

                fn request(&self, request: &mut Request<'_>, kept: &mut $pending) -> Result<Verdict> {
                    match (self, kept) {
                        $((Self::$variant(filter), $pending::$variant(kept)) => filter.request(request, kept),)+
                        _ => Err($crate::link::BROKEN_CHAIN),
                    }
                }

                fn foresee(&self, request: &mut Request<'_>) {
                    match self {
                        $(Self::$variant(filter) => filter.foresee(request),)+
                    }
                }

                fn wants_response(&self, kept: &$pending) -> bool {
                    match (self, kept) {
                        $((Self::$variant(filter), $pending::$variant(kept)) => {
                            <$filter>::WANTS_RESPONSE && filter.wants_response(kept)
                        })+
                        _ => false,
                    }
                }

                fn respond(&self, response: &mut Response<'_>, kept: &mut $pending) {
                    match (self, kept) {
                        $((Self::$variant(filter), $pending::$variant(kept)) => filter.respond(response, kept),)+
                        _ => {}
                    }
                }

                fn wants_response_body(&self, kept: &$pending) -> bool {
                    match (self, kept) {
                        $((Self::$variant(filter), $pending::$variant(kept)) => {
                            <$filter>::WANTS_RESPONSE_BODY && filter.wants_response_body(kept)
                        })+
                        _ => false,
                    }
                }

                fn response_body(&self, chunk: &mut ResponseChunk<'_>, kept: &mut $pending) {
                    match (self, kept) {
                        $((Self::$variant(filter), $pending::$variant(kept)) => filter.response_body(chunk, kept),)+
                        _ => {}
                    }
                }

                fn wants_trailers(&self, kept: &$pending) -> bool {
                    match (self, kept) {
                        $((Self::$variant(filter), $pending::$variant(kept)) => {
                            <$filter>::WANTS_TRAILERS && filter.wants_trailers(kept)
                        })+
                        _ => false,
                    }
                }

                fn request_trailers(&self, trailers: &mut Trailers<'_>, kept: &mut $pending) -> Result<()> {
                    match (self, kept) {
                        $((Self::$variant(filter), $pending::$variant(kept)) => filter.request_trailers(trailers, kept),)+
                        _ => Err($crate::link::BROKEN_CHAIN),
                    }
                }

                fn respond_trailers(&self, trailers: &mut Trailers<'_>, kept: &mut $pending) {
                    match (self, kept) {
                        $((Self::$variant(filter), $pending::$variant(kept)) => filter.respond_trailers(trailers, kept),)+
                        _ => {}
                    }
                }

                fn wants_end(&self, kept: &$pending) -> bool {
                    match (self, kept) {
                        $((Self::$variant(filter), $pending::$variant(kept)) => {
                            <$filter>::WANTS_END && filter.wants_end(kept)
                        })+
                        _ => false,
                    }
                }

                fn ended(&self, host: &dyn Host, kept: $pending) {
                    match (self, kept) {
                        $((Self::$variant(filter), $pending::$variant(kept)) => filter.ended(host, kept),)+
                        _ => {}
                    }
                }

                fn answered(&self, callout: CalloutId, answer: &Answer<'_>, wake: &mut Vec<StreamId>) {
                    match self {
                        $(Self::$variant(filter) => filter.answered(callout, answer, wake),)+
                    }
                }

                fn tick(&self, host: &dyn Host, wake: &mut Vec<StreamId>) {
                    match self {
                        $(Self::$variant(filter) => filter.tick(host, wake),)+
                    }
                }

                fn tick_period(&self) -> Option<std::time::Duration> {
                    match self {
                        $(Self::$variant(filter) => filter.tick_period(),)+
                    }
                }
            }
        };
    };
}
pub(crate) use links;
