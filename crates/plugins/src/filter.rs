//! The filters of Gatehouse, by name.

/// One of the filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Who may send a request.
    Auth,
    /// How often.
    RateLimit,
    /// What requests and responses look like.
    Headers,
    /// Which connections may be.
    ConnectionGuard,
    /// The three for requests, in one module.
    Gateway,
}

impl Filter {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Auth,
        Self::RateLimit,
        Self::Headers,
        Self::ConnectionGuard,
        Self::Gateway,
    ];

    /// As it is called in root ids, modules and the gateway's configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::RateLimit => "rate_limit",
            Self::Headers => "headers",
            Self::ConnectionGuard => "connection_guard",
            Self::Gateway => "gateway",
        }
    }

    /// The filter of a name, with `_` or `-`.
    pub fn named(name: &str) -> Option<Self> {
        let same = |filter: &&Self| filter.name() == name.replace('-', "_");
        Self::ALL.iter().find(same).copied()
    }

    /// Whether it sees requests, and not connections.
    pub fn sees_requests(self) -> bool {
        self != Self::ConnectionGuard
    }
}
