//! `scheme`: the names of the schemes, and which options and headers each has.

use gatehouse_config::{HeaderName, keywords};

keywords! {
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub(super) enum Name {
        Rfc9421 = "rfc9421",
        GitHub = "github",
        Stripe = "stripe",
        StandardWebhooks = "standard_webhooks",
        Canonical = "canonical",
    }
}

impl Name {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Rfc9421 => "rfc9421",
            Self::GitHub => "github",
            Self::Stripe => "stripe",
            Self::StandardWebhooks => "standard_webhooks",
            Self::Canonical => "canonical",
        }
    }

    /// Options that not every scheme has.
    pub(super) const fn has(self, option: &str) -> bool {
        match option.as_bytes() {
            b"components" | b"max_age" | b"skew" | b"label" | b"tag" | b"require_nonce" => {
                matches!(self, Self::Rfc9421)
            }
            b"tolerance" => matches!(
                self,
                Self::Stripe | Self::StandardWebhooks | Self::Canonical
            ),
            b"canonical" => matches!(self, Self::Canonical),
            _ => true,
        }
    }

    /// The headers with the signature.
    pub(super) fn signature(self) -> Vec<HeaderName> {
        let (own, _) = self.headers();
        named(own).collect()
    }

    /// All headers that the scheme reads.
    pub(super) fn reads(self) -> Vec<HeaderName> {
        let (own, others) = self.headers();
        named(own).chain(named(others)).collect()
    }

    /// The headers with the signature, and others that the scheme reads.
    const fn headers(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Rfc9421 => (&["signature", "signature-input"], &[]),
            // The other one is by the same secret.
            Self::GitHub => (&["x-hub-signature-256", "x-hub-signature"], &[]),
            Self::Stripe => (&["stripe-signature"], &[]),
            Self::StandardWebhooks => {
                (&["webhook-signature"], &["webhook-id", "webhook-timestamp"])
            }
            Self::Canonical => (&[], &[]),
        }
    }
}

fn named(names: &'static [&'static str]) -> impl Iterator<Item = HeaderName> {
    names.iter().filter_map(|name| HeaderName::new(name))
}
